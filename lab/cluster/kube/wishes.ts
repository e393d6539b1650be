import { mastersOf, network, type LabNode, type LabOptions, type LabPlan } from '../plan.js';
import type { Flags } from './flags.js';

/** Images as `lab/assets` makes them. */
export const images = {
  pause: 'mcr.microsoft.com/oss/kubernetes/pause:3.4.1',
  base: 'lab/base:1',
  pod: 'lab/pod:1',
};

const certs = '/etc/kubernetes/certs';
export const kubeletKubeconfig = '/var/lib/kubelet/kubeconfig';

const apiserverCiphers = [
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
].join(',');

/** Bound, projected tokens are the default from 1.21 on; before, three programs must be told. */
function tokenGate(options: LabOptions): string {
  return options.projectedTokens ? 'BoundServiceAccountTokenVolume=true' : '';
}

/** kube-apiserver's flags in an AKS Engine cluster; the advertised address is the master's own. */
export function apiserverFlags(node: LabNode, options: LabOptions): Flags {
  return {
    '--advertise-address': node.ip,
    '--allow-privileged': 'true',
    '--anonymous-auth': 'false',
    '--audit-log-maxage': '30',
    '--audit-log-maxbackup': '10',
    '--audit-log-maxsize': '100',
    '--audit-log-path': '/var/log/kubeaudit/audit.log',
    '--audit-policy-file': '/etc/kubernetes/addons/audit-policy.yaml',
    '--authorization-mode': 'Node,RBAC',
    '--bind-address': '0.0.0.0',
    '--client-ca-file': `${certs}/ca.crt`,
    '--enable-admission-plugins': 'ExtendedResourceToleration',
    '--enable-bootstrap-token-auth': 'true',
    '--etcd-cafile': `${certs}/ca.crt`,
    '--etcd-certfile': `${certs}/etcdclient.crt`,
    '--etcd-keyfile': `${certs}/etcdclient.key`,
    '--etcd-servers': 'https://127.0.0.1:2379',
    '--feature-gates': tokenGate(options),
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
    '--secure-port': '443',
    '--service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    '--service-account-key-file': `${certs}/apiserver.key`,
    '--service-account-lookup': 'true',
    '--service-account-signing-key-file': `${certs}/apiserver.key`,
    '--service-cluster-ip-range': network.serviceSubnet,
    '--storage-backend': 'etcd3',
    '--tls-cert-file': `${certs}/apiserver.crt`,
    '--tls-cipher-suites': apiserverCiphers,
    '--tls-min-version': 'VersionTLS12',
    '--tls-private-key-file': `${certs}/apiserver.key`,
    '--v': '2',
  };
}

/** kube-controller-manager's flags; the lab routes pods itself, so it hands out no CIDRs and makes no routes. */
export function controllerManagerFlags(plan: LabPlan, options: LabOptions): Flags {
  return {
    '--allocate-node-cidrs': 'false',
    '--bind-address': '127.0.0.1',
    '--cluster-cidr': network.podSubnet,
    '--cluster-name': plan.dnsPrefix,
    '--cluster-signing-cert-file': `${certs}/ca.crt`,
    '--cluster-signing-key-file': `${certs}/ca.key`,
    '--configure-cloud-routes': 'false',
    '--controllers': '*,bootstrapsigner,tokencleaner',
    '--feature-gates': tokenGate(options),
    '--kubeconfig': kubeletKubeconfig,
    '--leader-elect': 'true',
    '--node-monitor-grace-period': '5m',
    '--profiling': 'false',
    '--root-ca-file': `${certs}/ca.crt`,
    '--service-account-private-key-file': `${certs}/apiserver.key`,
    '--terminated-pod-gc-threshold': '5000',
    '--tls-min-version': 'VersionTLS12',
    '--use-service-account-credentials': 'true',
    '--v': '2',
  };
}

export const schedulerFlags: Flags = {
  '--bind-address': '127.0.0.1',
  '--kubeconfig': kubeletKubeconfig,
  '--leader-elect': 'true',
  '--profiling': 'false',
  '--tls-min-version': 'VersionTLS12',
  '--v': '2',
};

/** kube-proxy's; conntrack settings of the host are left alone, since they cannot be written from a node. */
export const proxyFlags: Flags = {
  '--cluster-cidr': network.podSubnet,
  '--conntrack-max-per-core': '0',
  '--conntrack-min': '0',
  '--conntrack-tcp-timeout-close-wait': '0s',
  '--conntrack-tcp-timeout-established': '0s',
  '--healthz-bind-address': '127.0.0.1:10256',
  '--kubeconfig': kubeletKubeconfig,
  '--proxy-mode': 'iptables',
  '--v': '2',
};

/** The kubelet's flags besides labels and taints. */
export function kubeletFlags(node: LabNode, options: LabOptions, configuration: boolean): Flags {
  const period = options.aksPeriods ? '1m' : '10s';
  return {
    ...(configuration ? { '--config': '/etc/kubernetes/kubelet.yaml' } : {}),
    '--address': '0.0.0.0',
    '--anonymous-auth': 'false',
    '--authentication-token-webhook': 'true',
    '--authorization-mode': 'Webhook',
    '--cgroups-per-qos': 'true',
    '--client-ca-file': `${certs}/ca.crt`,
    '--cluster-dns': network.dnsService,
    '--cluster-domain': 'cluster.local',
    '--container-runtime': 'remote',
    '--container-runtime-endpoint': 'unix:///run/containerd/containerd.sock',
    '--enforce-node-allocatable': 'pods',
    '--event-qps': '0',
    // A full disk of the host is no concern of the lab's pods.
    '--eviction-hard': 'memory.available<100Mi,nodefs.available<1%,nodefs.inodesFree<1%',
    '--feature-gates': ['ExecProbeTimeout=true', 'RotateKubeletServerCertificate=true', tokenGate(options)]
      .filter(Boolean)
      .join(','),
    '--healthz-port': '10248',
    '--image-gc-high-threshold': '99',
    '--image-gc-low-threshold': '98',
    '--kubeconfig': kubeletKubeconfig,
    '--max-pods': '110',
    '--node-ip': node.ip,
    '--node-status-update-frequency': period,
    ...(options.aksPeriods ? {} : { '--sync-frequency': '10s' }),
    '--pod-infra-container-image': images.pause,
    '--pod-manifest-path': '/etc/kubernetes/manifests',
    '--pod-max-pids': '-1',
    '--protect-kernel-defaults': 'true',
    '--read-only-port': '0',
    '--resolv-conf': '/etc/resolv.conf',
    '--rotate-certificates': 'true',
    '--runtime-request-timeout': '15m',
    '--streaming-connection-idle-timeout': '5m',
    '--tls-cert-file': `${certs}/kubeletserver.crt`,
    '--tls-private-key-file': `${certs}/kubeletserver.key`,
  };
}

/** etcd's flags on one master. Heartbeat and election keep etcd's own defaults, as on AKS Engine. */
export function etcdFlags(plan: LabPlan, node: LabNode): Flags {
  const peer = `${certs}/etcdpeer${node.index}`;
  return {
    '--name': node.name,
    '--peer-client-cert-auth': 'true',
    '--peer-trusted-ca-file': `${certs}/ca.crt`,
    '--peer-cert-file': `${peer}.crt`,
    '--peer-key-file': `${peer}.key`,
    '--initial-advertise-peer-urls': `https://${node.ip}:2380`,
    '--listen-peer-urls': `https://${node.ip}:2380`,
    '--client-cert-auth': 'true',
    '--trusted-ca-file': `${certs}/ca.crt`,
    '--cert-file': `${certs}/etcdserver.crt`,
    '--key-file': `${certs}/etcdserver.key`,
    '--advertise-client-urls': `https://${node.ip}:2379`,
    '--listen-client-urls': `https://${node.ip}:2379,https://127.0.0.1:2379`,
    '--listen-metrics-urls': `http://${node.ip}:2480`,
    '--initial-cluster-token': 'k8s-etcd-cluster',
    '--initial-cluster': mastersOf(plan)
      .map((each) => `${each.name}=https://${each.ip}:2380`)
      .join(','),
    '--initial-cluster-state': 'new',
    '--data-dir': '/var/lib/etcddisk',
  };
}
