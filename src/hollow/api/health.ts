import type { Core } from './core.js';
import { kubernetesVersion } from '../kube/version.js';
import { groupVersionOf, resources } from '../kube/resources.js';
import { noSuchPath, notModelled } from './api-error.js';
import { allowOnly, type PlainRequest } from './request-info.js';

export interface PlainReply {
  readonly status: number;
  /** An object becomes JSON. */
  readonly body: string | object;
}

/** What is no resource: health, version, discovery. `started`: all that is done at the start is done. */
export async function plain(
  core: Core,
  started: boolean,
  { path, query, verb }: PlainRequest,
  askEtcd: () => Promise<unknown>,
): Promise<PlainReply> {
  allowOnly(query);
  if (verb !== 'get') throw notModelled(`${verb.toUpperCase()} ${path}`);
  switch (path) {
    case '/readyz':
    case '/healthz':
    case '/livez':
      return health(started || path === '/livez', path.slice(1), askEtcd);
    case '/version':
      return { status: 200, body: { ...kubernetesVersion, platform: 'linux/amd64' } };
    case '/api':
      return { status: 200, body: { kind: 'APIVersions', versions: ['v1'] } };
    case '/apis':
      return { status: 200, body: groups(core) };
    default:
      return { status: 200, body: resourceList(path) };
  }
}

async function health(started: boolean, name: string, askEtcd: () => Promise<unknown>): Promise<PlainReply> {
  const failed: string[] = started ? [] : ['poststarthook'];
  try {
    await askEtcd();
  } catch (error) {
    failed.push(`etcd: ${(error as Error).message}`);
  }
  if (failed.length === 0) return { status: 200, body: 'ok' };
  const lines = failed.map((why) => `[-]${why} failed: reason withheld`);
  return { status: 500, body: [...lines, `${name} check failed`, ''].join('\n') };
}

function groups({ caches }: Core): object {
  const own = resources.map(({ group, version }) => ({ group, version }));
  const aggregated = caches.apiservices.all.map(({ spec }) => spec as { group: string; version: string });
  const all = new Map([...own, ...aggregated].map((each) => [groupVersionOf(each), each]));
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: [...all.entries()]
      .filter(([, { group }]) => group !== '')
      .map(([groupVersion, { group, version }]) => {
        const only = { groupVersion, version };
        return { name: group, versions: [only], preferredVersion: only };
      }),
  };
}

function resourceList(path: string): object {
  const groupVersion = path.replace(/^\/apis?\//, '');
  const own = resources.filter((each) => groupVersionOf(each) === groupVersion);
  if (own.length === 0 || !/^\/apis?\//.test(path)) throw noSuchPath();
  const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: own.map(({ plural: name, kind, namespaced }) => ({
      name,
      singularName: '',
      namespaced,
      kind,
      verbs,
    })),
  };
}
