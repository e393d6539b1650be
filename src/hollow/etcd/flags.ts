/** What one member was started with; paths as it calls them. */
export interface EtcdFlags {
  readonly name: string;
  readonly token: string;
  readonly clientPorts: readonly number[];
  readonly peerPort: number;
  readonly metricsPort: number | undefined;
  readonly server: Files;
  readonly peer: Files;
  /** Members of the cluster: address and port of each peer, by name. */
  readonly members: ReadonlyMap<string, { readonly host: string; readonly port: number }>;
}

interface Files {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

const alone = new Set(['--client-cert-auth', '--peer-client-cert-auth']);
const known = new Set([
  ...[
    '--name',
    '--peer-trusted-ca-file',
    '--peer-cert-file',
    '--peer-key-file',
    '--initial-advertise-peer-urls',
  ],
  ...['--listen-peer-urls', '--trusted-ca-file', '--cert-file', '--key-file', '--advertise-client-urls'],
  ...['--listen-client-urls', '--listen-metrics-urls', '--initial-cluster-token', '--initial-cluster'],
  ...['--initial-cluster-state', '--data-dir'],
]);

/** @throws Error as etcd says it, for a flag that is unknown or missing */
export function readEtcdFlags(args: readonly string[]): EtcdFlags {
  const given = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    const [name = '', ...value] = (args[at] ?? '').split('=');
    if (alone.has(name)) given.set(name, 'true');
    else if (!known.has(name)) throw new Error(`flag provided but not defined: ${args[at] ?? ''}`);
    else given.set(name, value.length > 0 ? value.join('=') : (args[(at += 1)] ?? ''));
  }
  const flag = (name: string): string => {
    const value = given.get(name);
    if (value === undefined) throw new Error(`${name} is not set`);
    return value;
  };
  for (const name of alone)
    if (!given.has(name))
      throw new Error(`without ${name} nobody would be verified, which this stand-in does not know`);
  const ports = (name: string): number[] => [
    ...new Set(
      flag(name)
        .split(',')
        .map((url) => Number(new URL(url).port)),
    ),
  ];
  const [peerPort = 0] = ports('--listen-peer-urls');
  return {
    name: flag('--name'),
    token: flag('--initial-cluster-token'),
    clientPorts: ports('--listen-client-urls'),
    peerPort,
    metricsPort: given.has('--listen-metrics-urls') ? ports('--listen-metrics-urls')[0] : undefined,
    server: { certificate: flag('--cert-file'), key: flag('--key-file'), ca: flag('--trusted-ca-file') },
    peer: {
      certificate: flag('--peer-cert-file'),
      key: flag('--peer-key-file'),
      ca: flag('--peer-trusted-ca-file'),
    },
    members: new Map(
      flag('--initial-cluster')
        .split(',')
        .map((entry) => {
          const [name = '', url = ''] = entry.split('=');
          const { hostname, port } = new URL(url);
          return [name, { host: hostname, port: Number(port) }];
        }),
    ),
  };
}
