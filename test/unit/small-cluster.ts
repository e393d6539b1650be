import { X509Certificate } from 'node:crypto';
import type { NodeShell } from '../../src/adapters/ssh/types.js';
import { aksEngineLinux as layout } from '../../src/layouts/aks-engine-linux.js';
import type { ClusterNode } from '../../src/model/cluster.js';
import type { NodeInventory, SeenFile } from '../../src/model/inventory.js';
import { Materials } from '../../src/model/materials.js';
import type { Barrier, NodeExpectation, PlannedFile, ServerExpectation } from '../../src/model/plan.js';
import { generateKey, mintAuthority, mintNewLeaf, parseCertificate } from '../../src/pki/index.js';
import type { Facts } from '../../src/plan/facts.js';

const hour = 3_600_000;
const validity = { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + 24 * hour) };

/** Three masters and an agent of AKS Engine's layout, just as far as barriers look at them. */
export function smallCluster(): Facts {
  const nodes: ClusterNode[] = [
    ...[0, 1, 2].map((index): ClusterNode => ({
      name: `master-${index}`,
      address: `10.0.0.${index}`,
      role: 'master',
      os: 'linux',
    })),
    { name: 'agent-0', address: '10.0.1.0', role: 'agent', os: 'linux' },
  ];
  return {
    ...{ rotation: 'r', layout, nodes, adminUsername: 'azureuser', leaveBridge: false },
    inventories: new Map(nodes.map((node) => [node.name, inventory(node)])),
  };
}

function manifest(program: string, args: readonly string[]): string {
  const list = [program, ...args].map((arg) => `"${arg}"`).join(', ');
  return `metadata: {name: ${program}}\nspec:\n  containers:\n    - command: [${list}]\n`;
}

function inventory(node: ClusterNode): NodeInventory {
  const index = node.name.slice(-1);
  const file = (path: string, content = 'x'): SeenFile => ({
    path,
    mode: '644',
    owner: 'root:root',
    content,
  });
  const specs = layout
    .credentials(3)
    .filter((spec) => spec.heldBy(node) || (node.role === 'master' && spec.name === `etcdpeer${index}`));
  const etcd = `--cert-file=/etc/kubernetes/certs/etcdserver.crt --peer-cert-file=/etc/kubernetes/certs/etcdpeer${index}.crt`;
  const key = '/etc/kubernetes/certs/apiserver.key';
  const ofMaster = [
    file(layout.frontProxyCa),
    file(layout.adminKubeconfig('azureuser')),
    file(layout.etcdDefaults, `DAEMON_ARGS=${etcd}`),
    file(
      `${layout.manifests}/kube-apiserver.yaml`,
      manifest('kube-apiserver', [
        `--client-ca-file=${layout.ca}`,
        `--service-account-key-file=${key}`,
        `--service-account-signing-key-file=${key}`,
      ]),
    ),
    file(
      `${layout.manifests}/kube-controller-manager.yaml`,
      manifest('kube-controller-manager', [
        `--root-ca-file=${layout.ca}`,
        `--cluster-signing-cert-file=${layout.ca}`,
        `--cluster-signing-key-file=${layout.caKey}`,
        `--service-account-private-key-file=${key}`,
        `--kubeconfig=${layout.kubeconfig}`,
      ]),
    ),
  ];
  const files = [
    file(layout.ca),
    file(layout.kubeconfig, `ca: ${layout.ca}`),
    ...specs.map(({ certificate }) => file(certificate)),
  ];
  return {
    ...{ node: node.name, units: new Map(), processes: [], clock: 0, boot: 'b' },
    files: new Map([...files, ...(node.role === 'master' ? ofMaster : [])].map((seen) => [seen.path, seen])),
    keys: new Map(
      specs.map((spec) => [spec.key, { path: spec.key, mode: '600', owner: 'root:root', fingerprint: '' }]),
    ),
  };
}

/** All materials that a barrier of the small cluster looks up; small keys, made in a blink. */
export async function smallMaterials(facts: Facts): Promise<Materials> {
  const texts = new Map<string, string>();
  const authority = async (name: string, commonName: string) => {
    const key = await generateKey({ type: 'ec', curve: 'prime256v1' });
    const certificate = mintAuthority({ commonName, key, validity });
    texts.set(name, certificate.pem);
    return { certificate, privatePem: key.privatePem };
  };
  const old = await authority('old-ca.crt', 'ca');
  const now = await authority('ca.crt', 'ca-20260101-abcdef');
  await authority('old-proxy-ca.crt', 'proxyClientCA');
  await authority('proxy-ca.crt', 'proxy-ca-20260101-abcdef');
  texts.set('proxy-ca.bundle', `${texts.get('proxy-ca.crt') ?? ''}${texts.get('old-proxy-ca.crt') ?? ''}`);
  const names = layout
    .credentials(3)
    .flatMap(({ name, copies }) =>
      copies === 'one' ? [name] : facts.nodes.map((node) => `${name}@${node.name}`),
    );
  for (const name of names)
    for (const [side, issuer] of [['old-', old] as const, ['', now] as const]) {
      const key = await generateKey({ type: 'ec', curve: 'prime256v1' });
      const leaf = mintNewLeaf({ commonName: name, extendedKeyUsages: [], issuer, key, validity });
      texts.set(`${side}${name}.crt`, leaf.pem);
      texts.set(`${side}${name}.chain`, leaf.pem);
      texts.set(`${side}${name}.key`, key.privatePem);
    }
  return new Materials(texts);
}

/** How the nodes of a test deviate from what a barrier wants. */
export interface Deviation {
  readonly file?: (
    node: string,
    file: PlannedFile,
  ) => Partial<{ mode: string; owner: string; content: string }>;
  readonly names?: (node: string, server: ServerExpectation, wanted: readonly string[]) => readonly string[];
}

/** Nodes that show what a barrier wants, but for the deviation, in the words of the scripts that run on nodes. */
export function nodesThatShow(
  barrier: Barrier,
  materials: Materials,
  deviation: Deviation = {},
): (node: string) => NodeShell {
  return (name) => {
    const node = barrier.nodes.find((each) => each.node === name);
    if (!node) throw new Error(`the barrier does not know node ${name}`);
    const run = (script: string): Promise<{ code: number; stdout: string; stderr: string }> =>
      Promise.resolve({
        ...{ code: 0, stderr: '' },
        stdout:
          script === 'inspect'
            ? inspection(node, materials, deviation)
            : handshakes(node, materials, deviation),
      });
    return { run } as unknown as NodeShell;
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function inspection(node: NodeExpectation, materials: Materials, deviation: Deviation): string {
  const files = node.files.map((file) => {
    const { mode = file.mode, owner = file.owner, content } = deviation.file?.(node.node, file) ?? {};
    const name = 'material' in file.content ? file.content.material : '';
    if (file.path.endsWith('.key')) {
      const certificate = parseCertificate(materials.get(name.replace(/key$/, 'crt')), name);
      const { publicKey } = new X509Certificate(certificate.der);
      const der = publicKey.export({ type: 'spki', format: 'der' });
      return `key ${file.path} ${mode} ${owner} ${der.toString('base64')}`;
    }
    const text = 'text' in file.content ? file.content.text : materials.get(name);
    return `file ${file.path} ${mode} ${owner} ${base64(content ?? text)}`;
  });
  const processes = node.processes.map(
    ({ program, arguments: args }) => `process ${program} 1 0 ${base64(args.join('\n'))}`,
  );
  return [...files, ...processes, ''].join('\n');
}

function handshakes(node: NodeExpectation, materials: Materials, deviation: Deviation): string {
  return node.servers
    .map((server) => {
      const names = deviation.names?.(node.node, server, server.names) ?? server.names;
      const subjects = names.map((name) => parseCertificate(materials.get(name), name).subject);
      const accepted = `Acceptable client certificate CA names\n${subjects.join('\n')}\n`;
      const { chain } = server;
      const pem = typeof chain === 'string' ? materials.get(chain) : (materials.textOf(chain) ?? '');
      return `== ${server.target}\n${pem}${accepted}---\n`;
    })
    .join('');
}
