import { mastersOf, type ClusterPlan, type PlannedNode } from './plan.js';

/** Flags of one program, in the order in which they are given. */
export type Flags = Readonly<Record<string, string>>;

export const certs = '/etc/kubernetes/certs';
export const nodeKubeconfig = '/var/lib/kubelet/kubeconfig';
export const pauseImage = 'mcr.microsoft.com/oss/kubernetes/pause:3.4.1';
export const etcdPorts = { client: 2379, peer: 2380, metrics: 2480 } as const;
export const kubeletPort = 10250;

export interface ClusterOptions {
  /** Bound, projected service-account tokens instead of the legacy Secrets. */
  readonly projectedTokens: boolean;
}

function tokenGate({ projectedTokens }: ClusterOptions): Flags {
  return projectedTokens ? { '--feature-gates': 'BoundServiceAccountTokenVolume=true' } : {};
}

/** As AKS Engine gives them to Kubernetes 1.20, but for the port. */
export function apiserverFlags(plan: ClusterPlan, node: PlannedNode, options: ClusterOptions): Flags {
  return {
    '--advertise-address': node.address,
    '--allow-privileged': 'true',
    '--anonymous-auth': 'false',
    '--authorization-mode': 'Node,RBAC',
    '--bind-address': '0.0.0.0',
    '--client-ca-file': `${certs}/ca.crt`,
    '--enable-bootstrap-token-auth': 'true',
    '--etcd-cafile': `${certs}/ca.crt`,
    '--etcd-certfile': `${certs}/etcdclient.crt`,
    '--etcd-keyfile': `${certs}/etcdclient.key`,
    '--etcd-servers': `https://127.0.0.1:${etcdPorts.client}`,
    ...tokenGate(options),
    '--kubelet-client-certificate': `${certs}/client.crt`,
    '--kubelet-client-key': `${certs}/client.key`,
    '--profiling': 'false',
    '--proxy-client-cert-file': `${certs}/proxy.crt`,
    '--proxy-client-key-file': `${certs}/proxy.key`,
    '--request-timeout': '1m',
    '--requestheader-allowed-names': '',
    '--requestheader-client-ca-file': `${certs}/proxy-ca.crt`,
    '--requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    '--requestheader-group-headers': 'X-Remote-Group',
    '--requestheader-username-headers': 'X-Remote-User',
    '--secure-port': String(plan.apiPort),
    '--service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    '--service-account-key-file': `${certs}/apiserver.key`,
    '--service-account-lookup': 'true',
    '--service-account-signing-key-file': `${certs}/apiserver.key`,
    '--service-cluster-ip-range': plan.serviceRange,
    '--storage-backend': 'etcd3',
    '--tls-cert-file': `${certs}/apiserver.crt`,
    '--tls-min-version': 'VersionTLS12',
    '--tls-private-key-file': `${certs}/apiserver.key`,
    '--v': '2',
  };
}

export function controllerManagerFlags(plan: ClusterPlan, options: ClusterOptions): Flags {
  return {
    '--allocate-node-cidrs': 'false',
    '--bind-address': '127.0.0.1',
    '--cluster-name': plan.name,
    '--cluster-signing-cert-file': `${certs}/ca.crt`,
    '--cluster-signing-key-file': `${certs}/ca.key`,
    '--controllers': '*,bootstrapsigner,tokencleaner',
    ...tokenGate(options),
    '--kubeconfig': nodeKubeconfig,
    '--leader-elect': 'true',
    '--node-monitor-grace-period': '5m',
    '--profiling': 'false',
    '--root-ca-file': `${certs}/ca.crt`,
    '--service-account-private-key-file': `${certs}/apiserver.key`,
    '--tls-min-version': 'VersionTLS12',
    '--use-service-account-credentials': 'true',
    '--v': '2',
  };
}

export const schedulerFlags: Flags = {
  '--bind-address': '127.0.0.1',
  '--kubeconfig': nodeKubeconfig,
  '--leader-elect': 'true',
  '--profiling': 'false',
  '--v': '2',
};

export const proxyFlags: Flags = { '--kubeconfig': nodeKubeconfig, '--proxy-mode': 'iptables', '--v': '2' };

export function kubeletFlags(node: PlannedNode, options: ClusterOptions): Flags {
  return {
    '--address': '0.0.0.0',
    '--anonymous-auth': 'false',
    '--authentication-token-webhook': 'true',
    '--authorization-mode': 'Webhook',
    '--client-ca-file': `${certs}/ca.crt`,
    '--cluster-domain': 'cluster.local',
    '--container-runtime': 'remote',
    ...tokenGate(options),
    '--healthz-port': '10248',
    '--kubeconfig': nodeKubeconfig,
    '--node-ip': node.address,
    '--node-status-update-frequency': '10s',
    '--pod-infra-container-image': pauseImage,
    '--pod-manifest-path': '/etc/kubernetes/manifests',
    '--port': String(kubeletPort),
    '--read-only-port': '0',
    '--rotate-certificates': 'true',
    '--tls-cert-file': `${certs}/kubeletserver.crt`,
    '--tls-private-key-file': `${certs}/kubeletserver.key`,
  };
}

export function etcdFlags(plan: ClusterPlan, { name, index, address }: PlannedNode): Flags {
  const peer = `${certs}/etcdpeer${index}`;
  return {
    '--name': name,
    '--peer-client-cert-auth': 'true',
    '--peer-trusted-ca-file': `${certs}/ca.crt`,
    '--peer-cert-file': `${peer}.crt`,
    '--peer-key-file': `${peer}.key`,
    '--initial-advertise-peer-urls': `https://${address}:${etcdPorts.peer}`,
    '--listen-peer-urls': `https://${address}:${etcdPorts.peer}`,
    '--client-cert-auth': 'true',
    '--trusted-ca-file': `${certs}/ca.crt`,
    '--cert-file': `${certs}/etcdserver.crt`,
    '--key-file': `${certs}/etcdserver.key`,
    '--advertise-client-urls': `https://${address}:${etcdPorts.client}`,
    '--listen-client-urls': `https://${address}:${etcdPorts.client},https://127.0.0.1:${etcdPorts.client}`,
    '--listen-metrics-urls': `http://${address}:${etcdPorts.metrics}`,
    '--initial-cluster-token': 'k8s-etcd-cluster',
    '--initial-cluster': mastersOf(plan)
      .map((each) => `${each.name}=https://${each.address}:${etcdPorts.peer}`)
      .join(','),
    '--initial-cluster-state': 'new',
    '--data-dir': '/var/lib/etcddisk',
  };
}

export function commandLine(flags: Flags): string[] {
  return Object.entries(flags).map(([flag, value]) =>
    value === 'true' && flag.includes('client-cert-auth') ? flag : `${flag}=${value}`,
  );
}
