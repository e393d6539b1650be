import { goFlags } from '../programs/running.js';

/** What a kubelet was started with. */
export interface KubeletFlags {
  readonly kubeconfig: string;
  readonly manifests: string;
  readonly clientCa: string;
  readonly certificate: string;
  readonly key: string;
  readonly port: number;
  readonly healthzPort: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value: string; readonly effect: string }[];
  readonly pauseImage: string;
  readonly rotateCertificates: boolean;
}

const known = [
  ...[
    '--address',
    '--anonymous-auth',
    '--authentication-token-webhook',
    '--authorization-mode',
    '--client-ca-file',
  ],
  ...[
    '--cluster-domain',
    '--container-runtime',
    '--feature-gates',
    '--healthz-port',
    '--kubeconfig',
    '--node-ip',
  ],
  ...[
    '--node-labels',
    '--node-status-update-frequency',
    '--pod-infra-container-image',
    '--pod-manifest-path',
    '--port',
  ],
  ...[
    '--read-only-port',
    '--register-with-taints',
    '--rotate-certificates',
    '--tls-cert-file',
    '--tls-private-key-file',
  ],
];

/** @throws Error as kubelet says it, for a flag that is unknown or missing */
export function readKubeletFlags(args: readonly string[]): KubeletFlags {
  const given = goFlags('kubelet', args, known);
  const flag = (name: string): string => {
    const value = given.get(name);
    if (value === undefined) throw new Error(`kubelet: ${name} is not set, which this stand-in needs`);
    return value;
  };
  const list = (name: string): string[] => (given.get(name) ?? '').split(',').filter(Boolean);
  return {
    kubeconfig: flag('--kubeconfig'),
    manifests: flag('--pod-manifest-path'),
    clientCa: flag('--client-ca-file'),
    certificate: flag('--tls-cert-file'),
    key: flag('--tls-private-key-file'),
    port: Number(given.get('--port') ?? 10250),
    healthzPort: Number(given.get('--healthz-port') ?? 10248),
    labels: Object.fromEntries(list('--node-labels').map((text) => text.split('=', 2) as [string, string])),
    taints: list('--register-with-taints').map((text) => {
      const [, key = '', value = '', effect = ''] = /^([^=:]+)(?:=([^:]*))?:(.+)$/.exec(text) ?? [];
      return { key, value, effect };
    }),
    pauseImage: flag('--pod-infra-container-image'),
    rotateCertificates: given.get('--rotate-certificates') === 'true',
  };
}
