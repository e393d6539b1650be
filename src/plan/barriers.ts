import type { ClusterNode } from '../model/cluster.js';
import type {
  Barrier,
  NodeExpectation,
  PlannedFile,
  ServerExpectation,
  WindowsExpectation,
} from '../model/plan.js';
import { credentialsOn, etcdCredential, mastersOf, pairFiles, replaced, type Facts } from './facts.js';
import {
  apiServerOriginal,
  apiServerPresent,
  apiServerTrust,
  controllerManagerOriginal,
  controllerManagerPresent,
} from './swaps.js';

/** Which side a server accepts or shows: materials by name. */
const oldCa = 'old-ca.crt';
const newCa = 'ca.crt';
const oldProxyCa = 'old-proxy-ca.crt';
const newProxyCa = 'proxy-ca.crt';
const old = (name: string): string => `old-${name}`;

/** What nobody names any more in the end; two CAs of one name look the same there. */
const gone = ({ sameAuthority, sameSubject }: Facts): string[] =>
  sameAuthority === true || sameSubject === true ? [] : [oldCa];

interface View {
  readonly server: string;
  readonly target: string;
  readonly chain: string;
}

function expects(view: View, names: readonly string[], namesNot: readonly string[]): ServerExpectation {
  return { ...view, names, namesNot };
}

function apiServer(facts: Facts, chain: string): View {
  return { server: facts.layout.apiServer.program, target: `127.0.0.1:${facts.layout.apiPorts.port}`, chain };
}

function etcd(
  facts: Facts,
  node: ClusterNode,
  names: readonly string[],
  namesNot: readonly string[],
  chain: (name: string) => string,
): ServerExpectation[] {
  const { client, peer } = facts.layout.etcdPorts;
  const server = etcdCredential(facts, node, '--cert-file').name;
  const member = etcdCredential(facts, node, '--peer-cert-file').name;
  return [
    expects({ server: 'etcd', target: `127.0.0.1:${client}`, chain: chain(server) }, names, namesNot),
    expects(
      { server: 'etcd peer', target: `${node.address}:${peer}`, chain: chain(member) },
      names,
      namesNot,
    ),
  ];
}

function kubelet(
  facts: Facts,
  names: readonly string[],
  namesNot: readonly string[],
  chain: string,
): ServerExpectation {
  return expects(
    { server: 'kubelet', target: `127.0.0.1:${facts.layout.kubeletPort}`, chain },
    names,
    namesNot,
  );
}

/** Every kube-apiserver names both CAs and both front-proxy CAs and still shows the old chain; etcd is as it was. */
export function trustBarrier(facts: Facts): Barrier {
  return {
    phase: 'trust',
    nodes: mastersOf(facts).map((node) => ({
      node: node.name,
      files: [replaced(facts, node.name, facts.layout.frontProxyCa, 'proxy-ca.bundle')],
      servers: [
        expects(apiServer(facts, old('apiserver.crt')), [newCa, oldCa, newProxyCa, oldProxyCa], []),
        ...etcd(facts, node, [oldCa], [], (name) => old(`${name}.crt`)),
        kubelet(facts, [oldCa], [], old(`kubeletserver@${node.name}.crt`)),
      ],
      processes: [apiServerTrust(facts, node)],
    })),
  };
}

/** Every server shows the new leaf with the bridge; what each trusts has not changed. */
export function presentBarrier(facts: Facts): Barrier {
  return {
    phase: 'present',
    nodes: mastersOf(facts).map((node) => ({
      node: node.name,
      files: pairs(facts, node, true, (name) => name !== 'kubeletserver'),
      servers: [
        expects(apiServer(facts, 'apiserver.chain'), [newCa, oldCa, newProxyCa, oldProxyCa], []),
        ...etcd(facts, node, [oldCa], [], (name) => `${name}.chain`),
        kubelet(facts, [oldCa], [], old(`kubeletserver@${node.name}.crt`)),
      ],
      processes: [apiServerPresent(facts, node), controllerManagerPresent(facts, node)],
    })),
  };
}

/** Every kubelet accepts the new CA alone and shows a new certificate; masters are otherwise as `present` left them. */
export function refreshBarrier(facts: Facts): Barrier {
  return {
    phase: 'refresh',
    nodes: facts.nodes.map((node) => ({
      node: node.name,
      files: [replaced(facts, node.name, facts.layout.ca, newCa), ...pairs(facts, node, true, () => true)],
      servers: [
        ...(node.role === 'master'
          ? [expects(apiServer(facts, 'apiserver.chain'), [newCa, oldCa, newProxyCa, oldProxyCa], [])]
          : []),
        kubelet(facts, [newCa], gone(facts), `kubeletserver@${node.name}.crt`),
      ],
      processes: [],
    })),
    windows: windowsAgents(facts),
  };
}

/** Every Windows agent's kubelet accepts clients of the new CA alone; its own serving certificate is no concern of a CA. */
function windowsAgents(facts: Facts): WindowsExpectation[] {
  const from = mastersOf(facts)[0]?.name ?? '';
  return (facts.windows ?? []).map(({ name, address }) => ({
    node: name,
    target: `${address}:${facts.layout.kubeletPort}`,
    from,
    names: [newCa],
    namesNot: gone(facts),
  }));
}

/** No server names an old CA, no file holds the bridge, every manifest is as it was found. */
export function distrustBarrier(facts: Facts): Barrier {
  return {
    phase: 'distrust',
    nodes: facts.nodes.map((node) => afterDistrust(facts, node)),
    windows: windowsAgents(facts),
  };
}

function afterDistrust(facts: Facts, node: ClusterNode): NodeExpectation {
  const files = [
    replaced(facts, node.name, facts.layout.ca, newCa),
    ...pairs(facts, node, false, (name) => name !== 'apiserver' || !facts.leaveBridge),
  ];
  const ofKubelet = kubelet(facts, [newCa], gone(facts), `kubeletserver@${node.name}.crt`);
  if (node.role === 'agent') return { node: node.name, files, servers: [ofKubelet], processes: [] };
  const serving = facts.leaveBridge ? 'apiserver.chain' : 'apiserver.crt';
  return {
    node: node.name,
    files: [
      ...files,
      { path: facts.layout.caKey, mode: '600', owner: 'root:root', content: { material: 'ca.key' } },
      replaced(facts, node.name, facts.layout.frontProxyCa, newProxyCa),
      ...untouched(facts, node),
    ],
    servers: [
      expects(apiServer(facts, serving), [newCa, newProxyCa], [...gone(facts), oldProxyCa]),
      ...etcd(facts, node, [newCa], gone(facts), (name) => `${name}.crt`),
      ofKubelet,
    ],
    processes: [apiServerOriginal(facts, node), controllerManagerOriginal(facts, node)],
  };
}

function pairs(
  facts: Facts,
  node: ClusterNode,
  bridged: boolean,
  wanted: (name: string) => boolean,
): PlannedFile[] {
  return credentialsOn(facts, node)
    .filter((spec) => wanted(spec.name))
    .flatMap((spec) => pairFiles(facts, node, spec, bridged));
}

/** Manifests, units and defaults, byte for byte as they were at the start. */
export function untouched(facts: Facts, node: ClusterNode): PlannedFile[] {
  const inventory = facts.inventories.get(node.name);
  const { manifests, untouched: paths } = facts.layout;
  return [...(inventory?.files.values() ?? [])]
    .filter((file) => file.path.startsWith(`${manifests}/`) || paths.includes(file.path))
    .map((file) => ({
      path: file.path,
      mode: file.mode,
      owner: file.owner,
      content: { text: file.content },
    }));
}
