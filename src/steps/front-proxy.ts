import type { KubeObject } from '../adapters/kube/types.js';
import { masters } from '../model/cluster.js';
import { namesCa, parseHandshakes } from '../inventory/handshake.js';
import { parseCertificates } from '../pki/index.js';
import type { StepContext, StepRunner } from './context.js';
import { waitFor } from './wait.js';

interface ApiService extends KubeObject {
  spec?: { service?: { name: string; namespace: string; port?: number } };
}
interface Service extends KubeObject {
  spec?: { ports?: { port: number; name?: string }[] };
}
interface Endpoints extends KubeObject {
  subsets?: { addresses?: { ip: string }[]; ports?: { port: number; name?: string }[] }[];
}

const configPath = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';

/**
 * Waits until `extension-apiserver-authentication` holds the old (unless it has expired) and the new front-proxy CA and every
 * aggregated API server names both in its handshake: only then may kube-apiserver show it a new front-proxy certificate.
 */
export const awaitFrontProxy: StepRunner<'await-front-proxy'> = async (_step, context) => {
  const authorities = stillValid(
    ['proxy-ca.crt', 'old-proxy-ca.crt'].map((name) => context.materials.get(name)),
    new Date(),
  );
  await waitFor(
    'extension-apiserver-authentication holds both front-proxy CAs',
    () => configHolds(context, authorities),
    { timeoutMs: 180_000, stop: context.stop },
  );
  const servers = await aggregatedServers(context);
  await waitFor(
    'every aggregated API server names both front-proxy CAs',
    () => serversName(context, servers, authorities),
    {
      timeoutMs: 180_000,
      everyMs: 1000,
      stop: context.stop,
    },
  );
  return { servers };
};

/** kube-apiserver takes a CA that has expired out of the ConfigMap, so nobody can be asked to hold it. */
export function stillValid(authorities: readonly string[], now: Date): string[] {
  return authorities.filter((pem) =>
    parseCertificates(pem, 'front-proxy CA').some((ca) => ca.notAfter > now),
  );
}

async function configHolds({ kube }: StepContext, authorities: readonly string[]): Promise<true | string> {
  const config = await kube().get<KubeObject & { data?: Record<string, string> }>(configPath);
  const held = parseCertificates(config.data?.['requestheader-client-ca-file'] ?? '', configPath).map(
    (ca) => ca.fingerprint,
  );
  const missing = authorities
    .flatMap((pem) => parseCertificates(pem, 'front-proxy CA'))
    .filter((ca) => !held.includes(ca.fingerprint));
  return missing.length === 0 ? true : `it lacks ${missing.map((ca) => ca.subject).join(', ')}`;
}

/** Addresses of all pods behind APIServices, read once: pods that come later read the ConfigMap when they start. */
async function aggregatedServers({ kube }: StepContext): Promise<string[]> {
  const services = (await kube().list<ApiService>('/apis/apiregistration.k8s.io/v1/apiservices')).flatMap(
    (item) => item.spec?.service ?? [],
  );
  const targets = await Promise.all(
    services.map(async ({ namespace, name, port = 443 }) => {
      const service = await kube().get<Service>(`/api/v1/namespaces/${namespace}/services/${name}`);
      const portName = service.spec?.ports?.find((candidate) => candidate.port === port)?.name;
      const { subsets = [] } = await kube().get<Endpoints>(
        `/api/v1/namespaces/${namespace}/endpoints/${name}`,
      );
      return subsets.flatMap(({ addresses = [], ports = [] }) =>
        ports
          .filter((candidate) => candidate.name === portName)
          .flatMap((found) => addresses.map(({ ip }) => `${ip}:${found.port}`)),
      );
    }),
  );
  return [...new Set(targets.flat())];
}

async function serversName(
  context: StepContext,
  servers: readonly string[],
  authorities: readonly string[],
): Promise<true | string> {
  const [master] = masters(context.nodes());
  if (servers.length === 0 || !master) return true;
  const { stdout } = await context.shell(master.name).run('handshake', servers);
  const lacking = parseHandshakes(stdout).filter((shown) => !authorities.every((pem) => namesCa(shown, pem)));
  return lacking.length === 0
    ? true
    : lacking
        .map((shown) => `${shown.target} names ${shown.acceptedCas.join('; ') || shown.error || 'none'}`)
        .join(', ');
}
