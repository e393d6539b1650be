import { describe, expect, it } from 'vitest';
import { smallCluster } from './small-cluster.js';
import type { NodeShell } from '../../src/adapters/ssh/types.js';
import type { KubeClient } from '../../src/adapters/kube/types.js';
import type { ApiModel } from '../../src/model/apimodel.js';
import type { Finding } from '../../src/model/plan.js';
import { gateFindings, gateNames, unknownGates } from '../../src/actions/gates/index.js';

interface Answers {
  /** Lines of `gates` on one node. */
  readonly gates?: (node: string) => string[];
  readonly etcd?: (node: string, args: readonly string[]) => { code: number; stdout: string; stderr: string };
  readonly notReady?: string;
  readonly masters?: number;
  readonly flags?: (text: string) => string;
  readonly patienceMs?: number;
  readonly skipped?: readonly string[];
  readonly onWait?: (findings: readonly Finding[]) => void;
}

const healthy = (node: string): string[] => [
  `clock ${Date.now()}`,
  'disk /var/lib 26 76992',
  ...(node.startsWith('master') ? ['readyz ok'] : []),
];

function cluster({
  gates = healthy,
  etcd,
  notReady,
  masters = 3,
  flags = (text) => text,
  patienceMs = 0,
  skipped = [],
  onWait = () => undefined,
}: Answers): Promise<Finding[]> {
  const plain = smallCluster();
  const inventories = [...plain.inventories].map(([name, inventory]) => {
    const files = [...inventory.files].map(
      ([path, file]) => [path, { ...file, content: flags(file.content) }] as const,
    );
    return [name, { ...inventory, files: new Map(files) }] as const;
  });
  const facts = { ...plain, inventories: new Map(inventories) };
  const shell = (name: string): NodeShell => {
    const run = (script: string, args: readonly string[]) => {
      const good = { code: 0, stdout: '', stderr: '' };
      if (script === 'gates') return Promise.resolve({ ...good, stdout: gates(name).join('\n') });
      return Promise.resolve(etcd?.(name, args) ?? good);
    };
    return { run } as unknown as NodeShell;
  };
  const list = () =>
    Promise.resolve(
      facts.nodes.map(({ name }) => ({
        metadata: { name },
        status: {
          conditions: [
            { type: 'Ready', status: name === notReady ? 'False' : 'True', message: 'no runtime' },
          ],
        },
      })),
    );
  const model = { file: 'apimodel.json', masters: { count: masters } } as unknown as ApiModel;
  return gateFindings({
    ...{ facts, model, shell, skipped, patienceMs, onWait },
    kube: { list } as unknown as KubeClient,
  });
}

const told = async (answers: Answers): Promise<string[]> =>
  (await cluster(answers)).map(({ code, where, what }) => `${code}: ${where} ${what}`);

describe('gates', () => {
  it('let a healthy cluster pass', async () => {
    expect(await told({})).toEqual([]);
  });

  it('say of a node what is wrong with it: clock, disk, leftovers, /readyz', async () => {
    const off = Date.now() - 7_200_000;
    const gates = (node: string): string[] =>
      node === 'master-1'
        ? [
            `clock ${off}`,
            'disk /etc/kubernetes 97 4096',
            'disk /var/lib 40 100',
            'leftover /etc/kubernetes/rotate-certs',
            'readyz [+]ping-ok',
          ]
        : healthy(node);
    const found = await told({ gates });
    expect(found).toEqual([
      expect.stringMatching(
        /^clock: node master-1 its clock is 7(200|19\d) s behind this machine's; expected a minute at most$/,
      ),
      'disk: node master-1: /etc/kubernetes its file system is 97 % full, 4096 MB are free; expected less than 95 % and at least 256 MB',
      'disk: node master-1: /var/lib its file system is 40 % full, 100 MB are free; expected less than 95 % and at least 256 MB',
      'other-rotation: node master-1: /etc/kubernetes/rotate-certs is there: a rotation by another tool has begun here and left it',
      'master: node master-1: kube-apiserver its /readyz says [+]ping-ok; expected ok',
    ]);
  });

  it('look again at what may pass by itself, and say once what they wait for', async () => {
    let looks = 0;
    const gates = (node: string): string[] => {
      if (node !== 'master-1') return healthy(node);
      looks += 1;
      return [`clock ${Date.now()}`, looks < 3 ? 'readyz [-]etcd failed' : 'readyz ok'];
    };
    const waited: string[] = [];
    const onWait = (findings: readonly Finding[]): void => {
      waited.push(...findings.map(({ code }) => code));
    };
    expect(await told({ gates, patienceMs: 60_000, onWait })).toEqual([]);
    expect(waited).toEqual(['master']);
  });

  it('wait neither for what stays, nor for a gate that is skipped', async () => {
    const onWait = (): never => expect.fail('nothing is to be waited for');
    const gates = (node: string): string[] => [
      `clock ${Date.now()}`,
      'disk /var/lib 97 4096',
      ...(node.startsWith('master') ? ['readyz no'] : []),
    ];
    const found = await told({ gates, skipped: ['master'], patienceMs: 60_000, onWait });
    expect(found).toHaveLength(7);
  });

  it('name an etcd member that is not healthy, and an alarm', async () => {
    const etcd: Answers['etcd'] = (node, args) =>
      args.includes('alarm')
        ? { code: 0, stdout: 'memberID:1 alarm:NOSPACE\n', stderr: '' }
        : { code: node === 'master-2' ? 1 : 0, stdout: '', stderr: 'context deadline exceeded' };
    expect(await told({ etcd })).toEqual([
      'etcd: node master-2: etcd its member is not healthy: context deadline exceeded',
      'etcd-alarm: etcd has an alarm: memberID:1 alarm:NOSPACE',
    ]);
  });

  it('name a node that is not Ready, and a model of another size', async () => {
    expect(await told({ notReady: 'agent-0', masters: 5 })).toEqual([
      'node-ready: node agent-0 is not Ready: no runtime',
      'model: apimodel.json: properties.masterProfile.count is 5, but the cluster has 3 masters',
    ]);
  });

  it('name a flag that points elsewhere than the layout', async () => {
    const flags = (text: string): string =>
      text.replace('--client-ca-file=/etc/kubernetes/certs/ca.crt', '--client-ca-file=/srv/ca.crt');
    const found = await told({ flags });
    expect(found).toHaveLength(3);
    expect(found[0]).toBe(
      'flags: node master-0: kube-apiserver has --client-ca-file=/srv/ca.crt; expected /etc/kubernetes/certs/ca.crt',
    );
  });

  it('say how to pass them, and are known by name', async () => {
    const [finding] = await cluster({ masters: 5 });
    expect(finding?.next).toMatch(/; to start all the same give --skip-gate model$/);
    expect(unknownGates([...gateNames, 'nonsense'])).toEqual(['nonsense']);
  });
});
