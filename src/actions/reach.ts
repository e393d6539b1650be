import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { openKubeClient } from '../adapters/kube/client.js';
import type { KubeClient } from '../adapters/kube/types.js';
import { proxyFor } from '../adapters/http/proxy.js';
import { environmentStreams } from '../adapters/http/tunnel.js';
import type { OpenStream } from '../adapters/http/connector.js';
import { agentWith } from '../adapters/ssh/agent.js';
import { openFleet } from '../adapters/ssh/fleet.js';
import { readPrivateKey } from '../adapters/ssh/key.js';
import { HostKeys } from '../adapters/ssh/known-hosts.js';
import { loadScripts } from '../adapters/ssh/scripts.js';
import type { Identity } from '../adapters/ssh/login.js';
import type { Fleet, NodeShell, WindowsShell } from '../adapters/ssh/types.js';
import { nodesFromApi, nodesFromEtcd, nodesFromTemplate } from '../inventory/discover.js';
import type { Layout } from '../layouts/layout.js';
import type { ApiModel } from '../model/apimodel.js';
import type { ClusterNode, NodeList } from '../model/cluster.js';
import { windowsProfileOf } from '../model/windows-profile.js';
import type { Emit } from '../report/events.js';
import type { ClusterOptions } from './options.js';

/** Who asks the API, and whom it trusts. PEM. */
export interface ApiIdentity {
  readonly ca: readonly string[];
  readonly certificate: string;
  readonly key: string;
}

/** The ways to a cluster: SSH to its nodes, and its API, directly or through the jump host. */
export interface Reach {
  readonly fleet: Fleet;
  readonly server: string;
  /** The API does not answer directly; requests go through the jump host. */
  readonly tunneled: boolean;
  /** Opens a stream to the API's port where a direct connection is not the way: through a proxy or the jump host. */
  readonly openApi?: (() => Promise<Duplex>) | undefined;
  readonly kube: (identity: ApiIdentity) => KubeClient;
  readonly kubeWithToken: (ca: readonly string[], token: string) => KubeClient;
  readonly shell: (node: ClusterNode) => NodeShell;
  readonly windows: (node: ClusterNode, rotation: string) => WindowsShell;
  /** Finds out again which way leads to the API; for clients that are made from then on. */
  readonly lookAgain: (identity: ApiIdentity) => Promise<void>;
}

/** Folder beside the model that holds journals, keys and keyroll's own known_hosts. */
export function stateRoot(model: string): string {
  return join(dirname(model), '_keyroll');
}

/**
 * `authorities`: CAs (PEM) that the API may show besides the model's, when a rotation is under way.
 * @throws HostKeyError, RemoteError, or Error when neither way to the API works
 */
export async function reachCluster(
  options: ClusterOptions,
  model: ApiModel,
  layout: Layout,
  authorities: readonly string[],
): Promise<Reach> {
  const fleet = openFleet({
    jump: { host: options.sshHost, port: options.sshPort ?? model.masters.sshPort },
    username: model.adminUsername,
    identity: await sshIdentity(options),
    hostKeys: new HostKeys({
      own: join(stateRoot(options.apiModel), 'known_hosts'),
      extra: options.knownHosts,
      user: options.userKnownHosts,
      strict: options.strictHostKeys,
    }),
    scripts: await loadScripts(),
    windows: windowsAdmin(model),
  });
  const { port } = layout.apiPorts;
  const server = `https://${model.fqdn}:${port}`;
  const proxied = proxyFor(model.fqdn, port, process.env) && environmentStreams();
  const identity = modelIdentity(model);
  const isDirect = (who: ApiIdentity): Promise<boolean> =>
    answers(openKubeClient({ ...clientOf(who), server, timeoutMs: 5000, connect: proxied }));
  const through: OpenStream = (host, at) => fleet.connect(host, at);
  let tunneled = !(await isDirect({ ...identity, ca: [...identity.ca, ...authorities] }));
  const way = (): OpenStream | undefined => (tunneled ? through : proxied);
  return {
    fleet,
    server,
    get tunneled() {
      return tunneled;
    },
    get openApi() {
      const connect = way();
      return connect && (() => connect(model.fqdn, port));
    },
    lookAgain: async (who) => {
      tunneled = !(await isDirect(who));
    },
    kube: (identity) => openKubeClient({ server, ...clientOf(identity), connect: way() }),
    kubeWithToken: (ca, token) => openKubeClient({ server, ca: [...ca], token, connect: way() }),
    shell: ({ name, address }) => fleet.shell({ name, address }),
    windows: ({ name, address }, rotation) => fleet.windows({ name, address }, `keyroll-${rotation}`),
  };
}

/** Where it is not known, the blockers say so before a Windows node is reached. */
function windowsAdmin(model: ApiModel): { username: string; password: string } | undefined {
  const profile = windowsProfileOf(model);
  return profile?.password === undefined
    ? undefined
    : { username: profile.username, password: profile.password };
}

async function sshIdentity({ sshAgent, sshPrivateKey, sshPassphrase }: ClusterOptions): Promise<Identity> {
  if (sshAgent !== undefined) return { agent: await agentWith(sshAgent, sshPrivateKey) };
  return { key: await readPrivateKey(sshPrivateKey ?? '', sshPassphrase) };
}

function clientOf({ ca, certificate, key }: ApiIdentity): { ca: string[]; certificate: string; key: string } {
  return { ca: [...ca], certificate, key };
}

/** The admin of the model's kubeconfig. */
export function modelIdentity({ certificateProfile: profile }: ApiModel): ApiIdentity {
  return {
    ca: [profile.caCertificate],
    certificate: profile.kubeConfigCertificate,
    key: profile.kubeConfigPrivateKey,
  };
}

async function answers(kube: KubeClient): Promise<boolean> {
  try {
    // Whoever knows us no longer answers too.
    return [200, 401, 403].includes((await kube.request('GET', '/version')).status);
  } catch {
    // Whatever the reason, the other way is tried next, and its error is the one that is told.
    return false;
  } finally {
    await kube.close();
  }
}

/** Whether the API serves somebody: it knows them, and can read what it keeps. */
export async function apiServes(kube: KubeClient): Promise<boolean> {
  try {
    return (await kube.request('GET', '/api/v1/namespaces/kube-system')).status === 200;
  } catch {
    // Refused, no answer, or a certificate that has expired: it serves nobody.
    return false;
  }
}

/** The cluster's nodes: from the API, else from etcd's registry, else from the deployment's template. */
export async function listNodes(
  reach: Reach,
  kube: KubeClient,
  model: ApiModel,
  layout: Layout,
  emit: Emit,
): Promise<NodeList> {
  try {
    return await nodesFromApi(kube);
  } catch (error) {
    emit({ code: 'note', text: `the API does not list nodes (${messageOf(error)}); asking etcd` });
  }
  const first = model.masters.firstConsecutiveStaticIP;
  if (first !== undefined) {
    try {
      return await nodesFromEtcd(reach.fleet.shell({ name: first, address: first }), layout);
    } catch (error) {
      emit({
        code: 'note',
        text: `etcd on ${first} does not list nodes (${messageOf(error)}); reading azuredeploy.json`,
      });
    }
  }
  return nodesFromTemplate(dirname(model.file), model.masters.count, model.pools);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
