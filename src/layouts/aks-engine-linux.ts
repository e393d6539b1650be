import type { ClusterNode } from '../model/cluster.js';
import type { CredentialSpec, Layout } from './layout.js';

const certs = '/etc/kubernetes/certs';
const onMasters = (node: ClusterNode): boolean => node.role === 'master';
const everywhere = (): boolean => true;

function signed(name: string, profileField: string, heldBy = onMasters): CredentialSpec {
  return {
    name,
    certificate: `${certs}/${name}.crt`,
    key: `${certs}/${name}.key`,
    signer: 'cluster-ca',
    copies: 'one',
    heldBy,
    profileField,
    bridgeOn: 'master',
  };
}

/** etcd peers are numbered as the masters are. Which master holds which is seen on it: a former rotation by another tool may have put all on each. */
function peers(masters: number): CredentialSpec[] {
  return Array.from({ length: masters }, (_, index) =>
    signed(`etcdpeer${index}`, `etcdPeer${index}`, () => false),
  );
}

function credentials(masters: number): CredentialSpec[] {
  return [
    signed('apiserver', 'apiServer'),
    signed('client', 'client', everywhere),
    signed('kubectlClient', 'kubeConfig'),
    signed('etcdserver', 'etcdServer'),
    signed('etcdclient', 'etcdClient'),
    ...peers(masters),
    {
      name: 'proxy',
      certificate: `${certs}/proxy.crt`,
      key: `${certs}/proxy.key`,
      signer: 'front-proxy-ca',
      copies: 'one',
      heldBy: onMasters,
      bridgeOn: 'nowhere',
    },
    {
      name: 'kubeletserver',
      certificate: `${certs}/kubeletserver.crt`,
      key: `${certs}/kubeletserver.key`,
      signer: 'itself',
      copies: 'each',
      heldBy: everywhere,
      bridgeOn: 'nowhere',
    },
  ];
}

/** The nodes that AKS Engine 0.85 and before made on Azure Stack Hub (source: its cloud-init templates and units). */
export const aksEngineLinux: Layout = {
  name: 'aks-engine-linux',
  manifests: '/etc/kubernetes/manifests',
  own: '/etc/kubernetes/keyroll',
  ca: `${certs}/ca.crt`,
  caKey: `${certs}/ca.key`,
  frontProxyCa: `${certs}/proxy-ca.crt`,
  etcdDefaults: '/etc/default/etcd',
  untouched: [
    '/etc/default/etcd',
    '/etc/default/kubelet',
    '/etc/systemd/system/etcd.service',
    '/etc/systemd/system/kubelet.service',
    '/lib/systemd/system/etcd.service',
  ],
  apiServer: { program: 'kube-apiserver', manifest: 'kube-apiserver.yaml' },
  controllerManager: {
    program: 'kube-controller-manager',
    manifest: 'kube-controller-manager.yaml',
    health: 'https://127.0.0.1:10257/healthz',
    lease: 'kube-controller-manager',
  },
  restartedPods: [
    { program: 'kube-scheduler', manifest: 'kube-scheduler.yaml' },
    { program: 'kube-addon-manager', manifest: 'kube-addon-manager.yaml' },
    { program: 'cloud-controller-manager', manifest: 'cloud-controller-manager.yaml' },
  ],
  watchdogs: ['apiserver-monitor', 'etcd-monitor', 'kubelet-monitor', 'docker-monitor', 'containerd-monitor'],
  kubeletWatchdogs: ['kubelet-monitor', 'apiserver-monitor'],
  kubeconfig: '/var/lib/kubelet/kubeconfig',
  adminKubeconfig: (admin) => `/home/${admin}/.kube/config`,
  apiPorts: { port: 443, all: [443, 4443] },
  etcdPorts: { client: 2379, peer: 2380 },
  kubeletPort: 10250,
  kubeletClient: '/var/lib/kubelet/pki/kubelet-client-current.pem',
  proxyCertsKeys: {
    ca: '/proxycerts/requestheader-client-ca-file',
    certificate: '/proxycerts/proxy-client-cert-file',
    key: '/proxycerts/proxy-client-key-file',
    prefix: ' ',
  },
  credentials,
  nodeCredentialPaths: ['/etc/kubernetes', '/var/lib/kubelet/kubeconfig', '/var/lib/kubelet/pki'],
};
