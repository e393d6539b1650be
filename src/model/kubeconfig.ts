import { parseDocument } from 'yaml';
import { z } from 'zod';
import { ModelError } from './apimodel-error.js';
import { validate } from './apimodel-file.js';

const named = <Key extends string, Shape extends z.ZodType>(key: Key, shape: Shape) =>
  z
    .array(z.looseObject({ name: z.string(), [key]: shape } as { name: z.ZodString } & Record<Key, Shape>))
    .nullish();

const OPTIONAL = z.string().nullish();

const kubeconfigSchema = z.looseObject(
  {
    kind: z.literal('Config', '"Config"').nullish(),
    'current-context': z.string('the name of a context').min(1, 'the name of a context'),
    clusters: named(
      'cluster',
      z.looseObject({
        server: z.string('the URL of the API server').min(1, 'the URL of the API server'),
        'certificate-authority': OPTIONAL,
        'certificate-authority-data': OPTIONAL,
        'tls-server-name': OPTIONAL,
        'insecure-skip-tls-verify': z.boolean().nullish(),
      }),
    ),
    contexts: named('context', z.looseObject({ cluster: z.string(), user: z.string() })),
    users: named(
      'user',
      z.looseObject({
        'client-certificate': OPTIONAL,
        'client-certificate-data': OPTIONAL,
        'client-key': OPTIONAL,
        'client-key-data': OPTIONAL,
        token: OPTIONAL,
      }),
    ),
  },
  'a kubeconfig, an object',
);

/** A credential that is embedded (PEM) or lies in a file (path as it stands in the kubeconfig). */
export type Material = { readonly pem: string } | { readonly file: string };

/** The cluster and the user of a kubeconfig's current context. */
export interface Kubeconfig {
  readonly server: string;
  readonly cluster: string;
  readonly user: string;
  readonly context: string;
  readonly ca?: Material;
  readonly certificate?: Material;
  readonly key?: Material;
  readonly token?: string;
  readonly tlsServerName?: string;
}

/** Where the current context's cluster and user stand in the document. */
export interface KubeconfigPlaces {
  readonly clusterIndex: number;
  readonly userIndex: number;
}

const ADVICE = 'give the kubeconfig that aks-engine wrote for this cluster';

/**
 * Reads the current context of a kubeconfig, JSON or YAML.
 * @param where file for errors
 * @throws ModelError naming the path; never with a credential
 */
export function readKubeconfig(text: string, where: string): Kubeconfig & KubeconfigPlaces {
  const document = validate(kubeconfigSchema, plainValue(text, where), {
    file: where,
    advice: ADVICE,
    secret: ['users'],
  });
  const context = document['current-context'];
  const { cluster, user } = find(document.contexts, context, 'contexts', where).entry.context;
  const clusters = find(document.clusters, cluster, 'clusters', where);
  const users = find(document.users, user, 'users', where);
  const server = clusters.entry.cluster;
  const identity = users.entry.user;
  return {
    server: server.server,
    cluster,
    user,
    context,
    ...material('ca', server, 'certificate-authority', where),
    ...material('certificate', identity, 'client-certificate', where),
    ...material('key', identity, 'client-key', where),
    ...(identity.token ? { token: identity.token } : {}),
    ...(server['tls-server-name'] ? { tlsServerName: server['tls-server-name'] } : {}),
    clusterIndex: clusters.index,
    userIndex: users.index,
  };
}

function plainValue(text: string, where: string): unknown {
  const document = parseDocument(text, { version: '1.1', prettyErrors: false, logLevel: 'silent' });
  const [error] = document.errors;
  // The parser's message may quote the text around the place, so only its code and position are shown.
  if (error)
    throw new ModelError(where, '', `is neither JSON nor YAML (${error.code} at ${error.pos[0]}); ${ADVICE}`);
  return document.toJS() as unknown;
}

function find<Entry extends { name: string }>(
  list: readonly Entry[] | null | undefined,
  name: string,
  field: string,
  where: string,
): { readonly entry: Entry; readonly index: number } {
  const index = (list ?? []).findIndex((entry) => entry.name === name);
  const entry = list?.[index];
  if (entry) return { entry, index };
  const found = (list ?? []).map((one) => one.name).join(', ') || 'none';
  throw new ModelError(where, field, `found ${found}; expected one with the name ${name}; ${ADVICE}`);
}

function material<Name extends string>(
  name: Name,
  holder: Readonly<Record<string, unknown>>,
  field: string,
  where: string,
): Partial<Record<Name, Material>> {
  const data = holder[`${field}-data`];
  const file = holder[field];
  // kubectl prefers the embedded data.
  if (typeof data === 'string' && data !== '')
    return asRecord(name, { pem: decode(data, `${field}-data`, where) });
  if (typeof file === 'string' && file !== '') return asRecord(name, { file });
  return {};
}

const asRecord = <Name extends string>(name: Name, value: Material): Partial<Record<Name, Material>> =>
  ({ [name]: value }) as Partial<Record<Name, Material>>;

function decode(data: string, field: string, where: string): string {
  const compact = data.replace(/\s/g, '');
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) return Buffer.from(compact, 'base64').toString('utf8');
  throw new ModelError(where, field, `found text that is not base64; expected base64 of PEM; ${ADVICE}`);
}
