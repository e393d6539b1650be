import { describe, expect, it } from 'vitest';
import { aksEngineLinux as layout } from '../layouts/aks-engine-linux.js';
import type { ClusterNode } from '../model/cluster.js';
import type { NodeInventory, SeenFile, SeenKey } from '../model/inventory.js';
import { stepsOf, type Flow, type PlannedFile, type Step, type StepOf } from '../model/plan.js';
import { argumentsOf } from './manifest.js';
import type { Facts } from './facts.js';
import { planPhase } from './plan.js';
import { allNodes, refreshNode } from './refresh.js';

const nodes: ClusterNode[] = [
  ...[0, 1, 2].map((index): ClusterNode => ({
    name: `m${index}`,
    address: `10.0.0.${index}`,
    role: 'master',
    os: 'linux',
  })),
  ...[0, 1].map((index): ClusterNode => ({
    name: `a${index}`,
    address: `10.0.1.${index}`,
    role: 'agent',
    os: 'linux',
  })),
];

const apiServer = (address: string): string =>
  `metadata: {name: kube-apiserver}\nspec:\n  containers:\n    - command: ["kube-apiserver"]\n      args: ["--advertise-address=${address}", "--client-ca-file=${layout.ca}", "--service-account-key-file=/etc/kubernetes/certs/apiserver.key", "--service-account-signing-key-file=/etc/kubernetes/certs/apiserver.key"]\n`;
const controllerManager = `metadata: {name: kube-controller-manager}\nspec:\n  containers:\n    - command: ["kube-controller-manager"]\n      args: ["--root-ca-file=${layout.ca}", "--cluster-signing-cert-file=${layout.ca}", "--cluster-signing-key-file=${layout.caKey}", "--service-account-private-key-file=/etc/kubernetes/certs/apiserver.key", "--kubeconfig=${layout.kubeconfig}"]\n`;

function inventory(node: ClusterNode): NodeInventory {
  const index = Number(node.name.slice(1));
  const file = (path: string, content = 'x', owner = 'root:root'): SeenFile => ({
    path,
    mode: '644',
    owner,
    content,
  });
  const key = (path: string, owner = 'root:root'): SeenKey => ({
    path,
    mode: '600',
    owner,
    fingerprint: `${node.name}${path}`,
  });
  const specs = layout
    .credentials(3)
    .filter((spec) => spec.heldBy(node) || (node.role === 'master' && spec.name === `etcdpeer${index}`));
  const owner = (name: string): string => (/^etcd(server|peer)/.test(name) ? 'etcd:etcd' : 'root:root');
  const files = [
    file(layout.ca),
    file(layout.kubeconfig, `ca: ${layout.ca}`),
    ...specs.map((spec) => file(spec.certificate)),
  ];
  const ofMaster = [
    file(layout.frontProxyCa),
    file(layout.adminKubeconfig('azureuser')),
    file(
      layout.etcdDefaults,
      `DAEMON_ARGS=--name=${node.name} --cert-file=/etc/kubernetes/certs/etcdserver.crt --peer-cert-file=/etc/kubernetes/certs/etcdpeer${index}.crt`,
    ),
    file(`${layout.manifests}/kube-apiserver.yaml`, apiServer(node.address)),
    file(`${layout.manifests}/kube-controller-manager.yaml`, controllerManager),
    file(`${layout.manifests}/kube-scheduler.yaml`),
  ];
  const all = node.role === 'master' ? [...files, ...ofMaster] : files;
  return {
    node: node.name,
    files: new Map(all.map((seen) => [seen.path, seen])),
    keys: new Map(specs.map((spec) => [spec.key, key(spec.key, owner(spec.name))])),
    units: new Map(),
    processes: [],
    clock: 0,
    boot: 'b',
  };
}

const facts: Facts = {
  rotation: 'r',
  layout,
  nodes,
  inventories: new Map(nodes.map((node) => [node.name, inventory(node)])),
  adminUsername: 'azureuser',
  etcdLeader: 'm0',
  controllerManagerLeader: 'm1',
  leaveBridge: false,
};

const steps = (phase: Parameters<typeof planPhase>[0], from = facts): Step[] =>
  stepsOf(planPhase(phase, from).flow);
const ofKind = <K extends Step['kind']>(all: readonly Step[], kind: K): StepOf<K>[] =>
  all.filter((step): step is StepOf<K> => step.kind === kind);
const material = (file: PlannedFile): string =>
  'material' in file.content ? file.content.material : '(text)';

describe('a plan', () => {
  it('has a name of its own for every step of all phases', () => {
    const ids = (['trust', 'present', 'refresh', 'distrust'] as const).flatMap((phase) =>
      steps(phase).map(({ id }) => id),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('holds no secret and no PEM', () => {
    const text = JSON.stringify(
      (['trust', 'present', 'refresh', 'distrust'] as const).map((phase) => planPhase(phase, facts)),
    );
    expect(text).not.toMatch(/BEGIN|PRIVATE/);
  });

  it('puts every private key with mode 600', () => {
    const files = (['trust', 'present', 'refresh', 'distrust'] as const)
      .flatMap((phase) => steps(phase))
      .flatMap((step) =>
        ['files' in step ? step.files : [], step.kind === 'restart-apiserver' ? step.before : []].flat(),
      );
    const keys = files.filter(({ path }) => path.endsWith('.key'));
    expect(keys.length).toBeGreaterThan(20);
    expect(keys.filter(({ mode }) => mode !== '600')).toEqual([]);
  });
});

describe('trust', () => {
  it("restarts one master after another, none left out, etcd's leader last", () => {
    expect(ofKind(steps('trust'), 'restart-apiserver').map(({ node }) => node)).toEqual(['m1', 'm2', 'm0']);
  });

  it('gives kube-apiserver both service-account keys, the old signing key and both CAs', () => {
    const [first] = ofKind(steps('trust'), 'restart-apiserver');
    expect(argumentsOf(first?.swap.text ?? '', 'm')).toEqual([
      'kube-apiserver',
      '--advertise-address=10.0.0.1',
      `--client-ca-file=${layout.own}/client-ca.crt`,
      `--service-account-key-file=${layout.own}/sa-old.pub`,
      `--service-account-key-file=${layout.own}/sa-new.pub`,
      `--service-account-signing-key-file=${layout.own}/sa-old.key`,
    ]);
  });

  it('leaves ca.crt, ca.key and every leaf as they are', () => {
    const touched = ofKind(steps('trust'), 'restart-apiserver').flatMap(({ before, files }) =>
      [...before, ...files].map(({ path }) => path),
    );
    expect(touched.filter((path) => path.startsWith('/etc/kubernetes/certs/'))).toEqual(
      Array(3).fill(layout.frontProxyCa),
    );
  });
});

describe('present', () => {
  it('shows every leaf with the bridge, and ends before ca.crt or ca.key change', () => {
    const files = steps('present').flatMap((step) => ('files' in step ? step.files : []));
    const leaves = files.filter(({ path }) => path.endsWith('.crt') && !path.endsWith('proxy.crt'));
    expect(leaves.filter((file) => !material(file).endsWith('.chain'))).toEqual([]);
    expect(files.filter(({ path }) => path === layout.ca || path === layout.caKey)).toEqual([]);
  });

  it('writes the new kubeconfig after the last master, and swaps the leading controller manager last', () => {
    const ids = steps('present').map(({ id }) => id);
    expect(ids.indexOf('present/kubeconfig')).toBeGreaterThan(ids.indexOf('present/apiserver/m2'));
    expect(ofKind(steps('present'), 'swap-pod').map(({ node }) => node)).toEqual(['m0', 'm2', 'm1']);
  });

  it('keeps the owner of etcd on its keys', () => {
    const [etcd] = ofKind(steps('present'), 'install-files');
    expect(etcd?.files.find(({ path }) => path.endsWith('etcdpeer0.key'))?.owner).toBe('etcd:etcd');
  });
});

describe('refresh', () => {
  it('gives agents client.crt without the bridge, and every node the new CA alone', () => {
    const refreshed = ofKind(steps('refresh'), 'refresh-node');
    expect(refreshed.map(({ node }) => node)).toEqual(['m0', 'm1', 'm2', 'a0', 'a1']);
    for (const { files } of refreshed) expect(files.map(material)).toContain('ca.crt');
    expect(refreshed.at(-1)?.files.map(material)).toContain('client.crt');
  });

  it('restarts one master after another, each while the one before it is waited for; agents by one', () => {
    const restart = (node: string) => `refresh/node/${node}`;
    const ready = (node: string) => `refresh/ready/${node}`;
    const flow = allNodes(facts, (node) => refreshNode(facts, node));
    expect(shape(flow)).toEqual({
      beside: [
        [
          restart('m0'),
          { beside: [ready('m0'), restart('m1')] },
          { beside: [ready('m1'), restart('m2')] },
          ready('m2'),
        ],
        {
          beside: [
            [restart('a0'), ready('a0')],
            [restart('a1'), ready('a1')],
          ],
          limit: 1,
        },
      ],
    });
  });
});

/** A flow by the ids of its steps. */
function shape(flow: Flow): unknown {
  if ('step' in flow) return flow.step.id;
  if ('sequence' in flow) return flow.sequence.map(shape);
  const { parallel, limit } = flow;
  return { beside: parallel.map(shape), ...(limit === undefined ? {} : { limit }) };
}

describe('with --reboot', () => {
  const rebooting = { ...facts, reboot: true };

  it('reboots one master after another wherever kube-apiserver would restart, with the same changes', () => {
    for (const phase of ['trust', 'present', 'distrust'] as const) {
      const restarts = ofKind(steps(phase), 'restart-apiserver');
      const reboots = ofKind(steps(phase, rebooting), 'reboot-master');
      expect(reboots.map(({ id, node, swap, files, before }) => ({ id, node, swap, files, before }))).toEqual(
        restarts.map(({ id, node, swap, files, before }) => ({ id, node, swap, files, before })),
      );
      expect(ofKind(steps(phase, rebooting), 'restart-apiserver')).toEqual([]);
    }
  });

  it('leaves every other step and its order as it is', () => {
    for (const phase of ['trust', 'present', 'refresh', 'distrust'] as const)
      expect(steps(phase, rebooting).map(({ id }) => id)).toEqual(steps(phase).map(({ id }) => id));
  });
});

describe('Windows agents', () => {
  const windows: ClusterNode = { name: '1234k8s000', address: '10.0.2.0', role: 'agent', os: 'windows' };
  const withWindows = (phase: 'trust' | 'present' | 'refresh' | 'distrust') =>
    planPhase(phase, { ...facts, windows: [windows] });

  it('are refreshed with the CA and the pair alone, and touched in no other phase', () => {
    const steps = stepsOf(withWindows('refresh').flow).filter(
      (each) => 'node' in each && each.node === windows.name,
    );
    expect(steps).toMatchObject([
      { kind: 'refresh-windows-node', ca: 'ca.crt', certificate: 'client.crt', key: 'client.key' },
    ]);
    for (const phase of ['trust', 'present', 'distrust'] as const)
      expect(JSON.stringify(withWindows(phase).flow)).not.toContain(windows.name);
  });

  it('must accept the new CA alone before distrust begins, and at its end', () => {
    for (const phase of ['refresh', 'distrust'] as const)
      expect(withWindows(phase).barrier.windows).toEqual([
        {
          node: windows.name,
          target: '10.0.2.0:10250',
          from: 'm0',
          names: ['ca.crt'],
          namesNot: ['old-ca.crt'],
        },
      ]);
  });
});

describe('distrust', () => {
  it("restarts etcd's leader last, after leadership has moved to a member that was restarted", () => {
    const order = steps('distrust').filter(
      ({ kind }) => kind === 'restart-apiserver' || kind === 'move-leader',
    );
    expect(order.map(({ id }) => id)).toEqual([
      'distrust/apiserver/m1',
      'distrust/apiserver/m2',
      'distrust/move-leader',
      'distrust/apiserver/m0',
    ]);
    expect(ofKind(order, 'move-leader')[0]).toMatchObject({ away: ['m0'], to: 'm1' });
  });

  it('puts the manifests of the start back, byte for byte', () => {
    for (const { node, swap } of ofKind(steps('distrust'), 'restart-apiserver')) {
      expect(swap.new).toBe('kube-apiserver.yaml');
      expect(swap.text).toBe(
        facts.inventories.get(node)?.files.get(`${layout.manifests}/kube-apiserver.yaml`)?.content,
      );
    }
  });

  it('takes the bridge out of every leaf, but out of the serving one only when it may', () => {
    const leaves = (from: Facts): string[] =>
      steps('distrust', from)
        .flatMap((step) => ('files' in step ? step.files : []))
        .filter(({ path }) => path.endsWith('apiserver.crt'))
        .map(material);
    expect(leaves(facts)).toEqual(Array(3).fill('apiserver.crt'));
    expect(leaves({ ...facts, leaveBridge: true })).toEqual(Array(3).fill('apiserver.chain'));
  });

  it('drops the bridge only after every master has been restarted', () => {
    const ids = steps('distrust').map(({ id }) => id);
    const lastRestart = Math.max(
      ...ids.map((id, index) =>
        id.startsWith('distrust/apiserver/') || id.startsWith('distrust/controller-manager/') ? index : 0,
      ),
    );
    expect(ids.findIndex((id) => id.startsWith('distrust/bridge/'))).toBeGreaterThan(lastRestart);
  });
});
