import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Client } from '../client/client.js';
import type { ClientConfig } from '../client/config.js';
import type { Machine, Timings } from '../contracts.js';
import type { KubeObject } from '../kube/objects.js';
import { nodeCertificateRequest } from './csr.js';

interface SigningRequest extends KubeObject {
  readonly status?: {
    readonly certificate?: string;
    readonly conditions?: readonly { readonly type: string }[];
  };
}

const folder = '/var/lib/kubelet/pki';
export const currentPair = `${folder}/kubelet-client-current.pem`;
const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const pollMs = 200;

/** Whether the kubelet has a client certificate of its own that is still valid. */
export function hasClientCertificate(machine: Machine): boolean {
  const file = machine.path(currentPair);
  if (!existsSync(file)) return false;
  return Date.parse(new X509Certificate(readFileSync(file)).validTo) > Date.now();
}

/**
 * Asks for a certificate as the kubeconfig's user, waits until somebody has signed it, and puts it with its key where a
 * kubelet keeps them. Goes on until it has it or `stopped` says true.
 */
export async function requestClientCertificate(
  machine: Machine,
  config: ClientConfig,
  timings: Pick<Timings, 'clientReloadMs' | 'fileReloadMs'>,
  stopped: () => boolean,
): Promise<void> {
  const client = new Client(machine, config, timings);
  try {
    while (!stopped()) {
      try {
        await once(machine, client, stopped);
        return;
      } catch (error) {
        machine.log(`no client certificate yet: ${(error as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    }
  } finally {
    client.close();
  }
}

async function once(machine: Machine, client: Client, stopped: () => boolean): Promise<void> {
  const { key, request } = nodeCertificateRequest(machine.name);
  const made = await client.create<SigningRequest>(requests, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { generateName: 'csr-' },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'key encipherment', 'client auth'],
    },
  });
  while (!stopped()) {
    const { status } = await client.get<SigningRequest>(`${requests}/${made.metadata.name}`);
    if (status?.conditions?.some(({ type }) => type === 'Denied' || type === 'Failed'))
      throw new Error(`${made.metadata.name} was refused`);
    if (status?.certificate !== undefined) {
      keep(machine, Buffer.from(status.certificate, 'base64').toString(), key);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** A file named by the time, and a link that leads to it. */
function keep(machine: Machine, certificate: string, key: string): void {
  const time = new Date().toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '-');
  const file = machine.path(`${folder}/kubelet-client-${time}.pem`);
  const link = machine.path(currentPair);
  mkdirSync(machine.path(folder), { recursive: true });
  writeFileSync(file, `${certificate.trimEnd()}\n${key}`, { mode: 0o600 });
  const fresh = join(machine.path(folder), '.current');
  symlinkSync(basename(file), fresh);
  renameSync(fresh, link);
}
