import { randomInt } from 'node:crypto';
import type { KubeObject } from '../../kube/objects.js';
import { resourceOf } from '../../kube/resources.js';
import { internal } from '../api-error.js';
import type { Core } from '../core.js';

interface Port {
  readonly port: number;
  readonly targetPort?: number | string;
  readonly protocol?: string;
}
interface Service extends KubeObject {
  spec: { clusterIP?: string; type?: string; ports?: Port[] };
}

/** Defaults, and an address of the Service range unless it says one or wants none. */
export async function admitService(core: Core, object: KubeObject): Promise<KubeObject> {
  const { spec } = object as Service;
  const ports = (spec.ports ?? []).map((each) => ({ protocol: 'TCP', targetPort: each.port, ...each }));
  const clusterIP = spec.clusterIP ?? (await freeAddress(core));
  const defaults = { type: 'ClusterIP', sessionAffinity: 'None' };
  return { ...object, spec: { ...defaults, ...spec, ports, clusterIP }, status: { loadBalancer: {} } };
}

/** Two masters could choose the same one at the same moment; by chance they do not. */
async function freeAddress({ storage, serviceRange }: Core): Promise<string> {
  const { objects } = await storage.list(resourceOf('services'));
  const used = new Set(objects.map((each) => (each as Service).spec.clusterIP));
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const address = addressAt(serviceRange, randomInt(2, hostsOf(serviceRange)));
    if (!used.has(address)) return address;
  }
  throw internal(`failed to allocate a serviceIP: range ${serviceRange} is full`);
}

function hostsOf(range: string): number {
  return Math.min(2 ** (32 - Number(range.split('/')[1])) - 1, 65_000);
}

/** The address with this number in a range, 0 being the range's own. */
export function addressAt(range: string, number: number): string {
  const [base = ''] = range.split('/');
  const value = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) + number;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
