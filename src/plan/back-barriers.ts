import type { ClusterNode } from '../model/cluster.js';
import type { Barrier, Content, NodeExpectation, PlannedFile, ServerExpectation } from '../model/plan.js';
import { untouched } from './barriers.js';
import {
  backOf,
  credentialsOn,
  etcdCredential,
  fileOf,
  mastersOf,
  original,
  originalPair,
  type Facts,
} from './facts.js';
import {
  apiServerBack,
  apiServerOriginal,
  controllerManagerBack,
  controllerManagerOriginal,
} from './swaps.js';

const oldCas = ['old-ca.crt', 'old-proxy-ca.crt'];
const newCas = ['ca.crt', 'proxy-ca.crt'];

interface Shown {
  readonly names: readonly string[];
  readonly namesNot: readonly string[];
  /** With the bridge back behind the leaf. */
  readonly bridged: boolean;
}

/** What a server showed at the start, with the bridge back or without it. */
function chainAt(facts: Facts, node: ClusterNode, certificate: string, bridged: boolean): Content {
  const { content } = fileOf(facts, node.name, certificate);
  return { original: content, ...(bridged ? { append: 'bridge-back.crt' } : {}) };
}

function apiServer(
  facts: Facts,
  node: ClusterNode,
  { names, namesNot, bridged }: Shown,
): ServerExpectation[] {
  const { apiServer: pod, apiPorts } = facts.layout;
  return credentialsOn(facts, node)
    .filter(({ name }) => name === 'apiserver')
    .map(({ certificate }) => ({
      server: pod.program,
      target: `127.0.0.1:${apiPorts.port}`,
      chain: chainAt(facts, node, certificate, bridged),
      names,
      namesNot,
    }));
}

function etcd(facts: Facts, node: ClusterNode, { names, namesNot, bridged }: Shown): ServerExpectation[] {
  const { client, peer } = facts.layout.etcdPorts;
  const chain = (flag: '--cert-file' | '--peer-cert-file'): Content =>
    chainAt(facts, node, etcdCredential(facts, node, flag).certificate, bridged);
  return [
    { server: 'etcd', target: `127.0.0.1:${client}`, chain: chain('--cert-file'), names, namesNot },
    {
      server: 'etcd peer',
      target: `${node.address}:${peer}`,
      chain: chain('--peer-cert-file'),
      names,
      namesNot,
    },
  ];
}

function kubelet(facts: Facts, node: ClusterNode): ServerExpectation[] {
  return credentialsOn(facts, node)
    .filter(({ signer }) => signer === 'itself')
    .map(({ certificate }) => ({
      server: 'kubelet',
      target: `127.0.0.1:${facts.layout.kubeletPort}`,
      chain: chainAt(facts, node, certificate, false),
      names: ['old-ca.crt'],
      namesNot: ['ca.crt'],
    }));
}

/** Every server shows the old leaf with the bridge back, and kube-apiserver still accepts both sides. */
export function backPresentBarrier(facts: Facts): Barrier {
  const { leaves, signed } = backOf(facts);
  const bridged = { namesNot: [], bridged: true };
  return {
    phase: 'back-present',
    nodes: mastersOf(facts).map((node) => ({
      node: node.name,
      files: signed ? pairs(facts, node, true, ({ name }) => name !== 'kubeletserver') : [],
      servers: [
        ...(signed ? apiServer(facts, node, { ...bridged, names: [...newCas, ...oldCas] }) : []),
        ...(leaves ? etcd(facts, node, { ...bridged, names: [] }) : []),
      ],
      processes: [...(signed ? [apiServerBack(facts, node), controllerManagerBack(facts, node)] : [])],
    })),
  };
}

/** Every kubelet accepts the old CA alone and shows its old certificate. */
export function backRefreshBarrier(facts: Facts): Barrier {
  const { signed } = backOf(facts);
  return {
    phase: 'back-refresh',
    nodes: facts.nodes.map((node) => ({
      node: node.name,
      files: signed
        ? [
            ...original(facts, node.name, facts.layout.ca),
            ...pairs(facts, node, false, (spec) => spec.signer === 'itself' || node.role === 'agent'),
          ]
        : [],
      servers: signed ? kubelet(facts, node) : [],
      processes: [],
    })),
  };
}

/** Everything is as it was found: files, manifests, what servers show and whom they accept. */
export function backDistrustBarrier(facts: Facts): Barrier {
  return {
    phase: 'back-distrust',
    nodes: facts.nodes.map((node) => (node.role === 'master' ? master(facts, node) : agent(facts, node))),
  };
}

function agent(facts: Facts, node: ClusterNode): NodeExpectation {
  const files = [...original(facts, node.name, facts.layout.ca), ...pairs(facts, node, false, () => true)];
  return { node: node.name, files, servers: kubelet(facts, node), processes: [] };
}

function master(facts: Facts, node: ClusterNode): NodeExpectation {
  const ofAgent = agent(facts, node);
  const plain = { bridged: false };
  return {
    node: node.name,
    files: [
      ...ofAgent.files,
      ...original(facts, node.name, facts.layout.caKey),
      ...original(facts, node.name, facts.layout.frontProxyCa),
      ...untouched(facts, node),
    ],
    servers: [
      ...apiServer(facts, node, { ...plain, names: oldCas, namesNot: newCas }),
      ...etcd(facts, node, { ...plain, names: ['old-ca.crt'], namesNot: ['ca.crt'] }),
      ...ofAgent.servers,
    ],
    processes: [apiServerOriginal(facts, node), controllerManagerOriginal(facts, node)],
  };
}

function pairs(
  facts: Facts,
  node: ClusterNode,
  bridged: boolean,
  wanted: (spec: ReturnType<typeof credentialsOn>[number]) => boolean,
): PlannedFile[] {
  return credentialsOn(facts, node)
    .filter(wanted)
    .flatMap((spec) => originalPair(facts, node, spec, bridged));
}
