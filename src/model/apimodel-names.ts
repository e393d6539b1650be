import { isIP } from 'node:net';
import type { ApiModelDocument } from './apimodel-schema.js';

const SERVICE = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];

/**
 * Names that kube-apiserver's certificate cannot do without, `DNS:…` and `IP:…`: the load balancer's, those of the
 * `kubernetes` Service, the first master's address and the Service's. Others are taken from the certificate in use.
 */
export function ownNames({ properties }: ApiModelDocument, fqdn: string): string[] {
  const { masterProfile, orchestratorProfile } = properties;
  const first = masterProfile.firstConsecutiveStaticIP ?? '';
  const service = firstAddress(orchestratorProfile.kubernetesConfig?.serviceCidr ?? '');
  const addresses = [first, service].filter((address) => isIP(address) === 4);
  return [...[fqdn, ...SERVICE].map(labelled), ...addresses.map((address) => `IP:${address}`)];
}

/** The first host of the first network in a list, for IPv4: what kube-apiserver takes for its own Service. */
function firstAddress(networks: string): string {
  const [network = ''] = networks.split(',')[0]?.trim().split('/') ?? [];
  if (isIP(network) !== 4) return '';
  const octets = network.split('.').map(Number);
  return [...octets.slice(0, 3), (octets[3] ?? 0) + 1].join('.');
}

/** A model may name the balancer by its address. */
function labelled(name: string): string {
  return isIP(name) === 0 ? `DNS:${name}` : `IP:${name}`;
}
