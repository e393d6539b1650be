import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Machine } from '../contracts.js';

/** Whom a program asks and as whom. */
export interface ClientConfig {
  /** `https://host:port` */
  readonly server: string;
  /** PEM, read once: client-go before 1.36 never reads it again. */
  readonly ca: string;
  /** Paths as the program calls them; read again while it runs. */
  readonly pair?: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** PEM that the kubeconfig holds itself. */
  readonly fixedPair?: { readonly cert: string; readonly key: string } | undefined;
  /** Path as the program calls it; read again while it runs. */
  readonly tokenFile?: string | undefined;
  readonly token?: string | undefined;
}

const kubeconfig = z.looseObject({
  'current-context': z.string(),
  contexts: z.array(
    z.looseObject({ name: z.string(), context: z.looseObject({ cluster: z.string(), user: z.string() }) }),
  ),
  clusters: z.array(
    z.looseObject({
      name: z.string(),
      cluster: z.looseObject({
        server: z.string(),
        'certificate-authority': z.string().optional(),
        'certificate-authority-data': z.string().optional(),
      }),
    }),
  ),
  users: z.array(
    z.looseObject({
      name: z.string(),
      user: z.looseObject({
        'client-certificate': z.string().optional(),
        'client-certificate-data': z.string().optional(),
        'client-key': z.string().optional(),
        'client-key-data': z.string().optional(),
        token: z.string().optional(),
        tokenFile: z.string().optional(),
      }),
    }),
  ),
});

/**
 * Reads a kubeconfig as client-go does: its current context, the CA at once.
 * @throws Error naming the file and what is missing in it
 */
export function readKubeconfig(machine: Machine, file: string): ClientConfig {
  const config = kubeconfig.parse(parse(readFileSync(machine.path(file), 'utf8')));
  const context = named(config.contexts, config['current-context'], file).context;
  const { cluster } = named(config.clusters, context.cluster, file);
  const { user } = named(config.users, context.user, file);
  const caFile = cluster['certificate-authority'];
  const ca = cluster['certificate-authority-data'] ?? '';
  const { 'client-certificate': certFile, 'client-key': keyFile } = user;
  const { 'client-certificate-data': cert, 'client-key-data': key } = user;
  return {
    server: cluster.server,
    ca: caFile === undefined ? decode(ca) : readFileSync(machine.path(caFile), 'utf8'),
    pair: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
    fixedPair: cert === undefined || key === undefined ? undefined : { cert: decode(cert), key: decode(key) },
    token: user.token,
    tokenFile: user.tokenFile,
  };
}

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * What a pod's program finds: the Service's address in its environment, CA and token of its account in files.
 * @throws Error when one of them is missing
 */
export function inClusterConfig(
  machine: Machine,
  environment: Readonly<Record<string, string>> = {},
): ClientConfig {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (host === undefined || port === undefined)
    throw new Error(
      'in-cluster configuration: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set',
    );
  return {
    server: `https://${host}:${port}`,
    ca: readFileSync(machine.path(`${accountFolder}/ca.crt`), 'utf8'),
    tokenFile: `${accountFolder}/token`,
  };
}

function named<T extends { readonly name: string }>(all: readonly T[], name: string, file: string): T {
  const found = all.find((each) => each.name === name);
  if (!found) throw new Error(`${file}: names ${name}, which is not in it`);
  return found;
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
