import type { LabNode } from '../plan.js';
import type { ClusterPki, Pair } from '../pki/cluster.js';
import { secret, type NodeFile } from './file.js';

const folder = '/etc/kubernetes/certs';

/** A certificate that everybody may read and its key, which its owner alone may. */
function pair(name: string, made: Pair, owner: 'root' | 'etcd' = 'root'): NodeFile[] {
  return [
    { path: `${folder}/${name}.crt`, content: made.certificate },
    secret(`${folder}/${name}.key`, made.key, owner),
  ];
}

/** What lies in /etc/kubernetes/certs of a node. A master has its own etcd peer certificate alone. */
export function certificateFiles(pki: ClusterPki, node: LabNode): NodeFile[] {
  const kubelet = pki.kubeletServers[node.name];
  if (kubelet === undefined)
    throw new Error(`node ${node.name}: the lab's PKI has no kubelet certificate for it`);
  const everywhere = [
    { path: `${folder}/ca.crt`, content: pki.ca.certificate },
    ...pair('client', pki.client),
    ...pair('kubeletserver', kubelet),
  ];
  return node.role === 'agent' ? everywhere : [...everywhere, ...masterFiles(pki, node)];
}

function masterFiles(pki: ClusterPki, node: LabNode): NodeFile[] {
  const peer = pki.etcdPeers[node.index];
  if (peer === undefined)
    throw new Error(`node ${node.name}: the lab's PKI has no etcd peer certificate for it`);
  return [
    secret(`${folder}/ca.key`, pki.ca.key),
    ...pair('apiserver', pki.apiserver),
    ...pair('kubectlClient', pki.kubeConfig),
    ...pair('etcdserver', pki.etcdServer, 'etcd'),
    ...pair('etcdclient', pki.etcdClient),
    ...pair(`etcdpeer${node.index}`, peer, 'etcd'),
    { path: `${folder}/proxy-ca.crt`, content: pki.proxyCa },
    ...pair('proxy', pki.proxy),
  ];
}
