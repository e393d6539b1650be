import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Rotation } from '../run/rotation.js';
import { say } from '../say.js';
import type { TestLab } from '../test-lab.js';

/** Nodes, files and services are as they were, but for what was to be replaced. */
export function itLeftTheNodesAsTheyWere(of: () => Rotation): void {
  it('rebooted no node', () => {
    const { before, after } = of();
    for (const [node, { boot }] of after.nodes) expect(boot, node).toBe(before.nodes.get(node)?.boot);
  });

  it('left manifests, units and /etc/default byte for byte, and no other file', () => {
    const { before, after } = of();
    let compared = 0;
    for (const [node, { files }] of after.nodes) {
      const old = before.nodes.get(node)?.files ?? new Map();
      expect([...files.keys()], node).toEqual([...old.keys()]);
      const same = [...files].filter(([path]) => !path.startsWith('/etc/kubernetes/certs/'));
      compared += same.length;
      for (const [path, file] of same) expect({ path, ...file }, node).toEqual({ path, ...old.get(path) });
    }
    say(`${compared} files compared`);
    expect(compared).toBeGreaterThan(50);
  });

  it('kept owner and mode of every certificate, and closed every key', () => {
    const { before, after } = of();
    for (const [node, { files }] of after.nodes)
      for (const [path, { mode, owner }] of files) {
        const old = before.nodes.get(node)?.files.get(path);
        expect(owner, `${node} ${path}`).toBe(old?.owner);
        expect(mode, `${node} ${path}`).toBe(path.endsWith('.key') ? '600' : old?.mode);
      }
  });
}

/** The cluster is well, and nothing was restarted but what had to be. */
export function itRunsAgain(of: () => Rotation): void {
  it('has all nodes Ready and all pods running', async () => {
    const { lab } = of();
    // keyroll's own probe leaves its pods to be ended.
    const said = await settled(() => unready(lab), 120);
    say(`${lab.nodes.length} nodes; not Ready: ${said.join(', ') || 'nothing'}`);
    expect(said).toEqual([]);
  });

  it('had no watchdog kill anything, and all of them run again', () => {
    const { kills, before, after } = of();
    expect(kills).toEqual([]);
    for (const [node, { units }] of after.nodes)
      for (const [unit, state] of units) {
        const old = before.nodes.get(node)?.units.get(unit);
        expect(state.active, `${node} ${unit}`).toBe(old?.active);
        expect(state.restarts, `${node} ${unit}: started again by systemd`).toBeLessThanOrEqual(
          old?.restarts ?? 0,
        );
      }
    const watchdogs = [...after.nodes.values()]
      .flatMap(({ units }) => [...units])
      .filter(([unit]) => /-monitor/.test(unit));
    const active = watchdogs.filter(([, { active: state }]) => state === 'active');
    say(`${active.length} of ${watchdogs.length} watchdogs active, ${kills.length} kills`);
    expect(active.length).toBe(watchdogs.length);
    expect(watchdogs.length).toBeGreaterThan(10);
  });

  it('restarted only what it reports', () => {
    const { report, before, after } = of();
    for (const { process, node, count } of report.restarts)
      say(`${node}: ${process} restarted ${count} time(s)`);
    const reported = (unit: string, node: string): boolean =>
      report.restarts.some((each) => each.node === node && `${each.process}.service` === unit);
    for (const [node, { units }] of after.nodes)
      for (const unit of ['kubelet.service', 'etcd.service', 'containerd.service']) {
        const pids = [before.nodes.get(node)?.units.get(unit)?.mainPid, units.get(unit)?.mainPid];
        expect(pids[0] !== pids[1], `${node} ${unit}: another process, as reported`).toBe(
          reported(unit, node),
        );
      }
  });
}

interface Conditioned {
  metadata: { name: string; namespace?: string };
  status: { phase?: string; conditions?: { type: string; status: string }[] };
}

/** Nodes and pods that are not Ready, and nodes that are not there. */
async function unready(lab: TestLab): Promise<string[]> {
  const [nodes, pods] = [await lab.list<Conditioned>('nodes'), await lab.list<Conditioned>('pods', '-A')];
  const ready = ({ status }: Conditioned): boolean =>
    status.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false;
  const absent = lab.nodes.filter(({ name }) => !nodes.some(({ metadata }) => metadata.name === name));
  const stopped = pods.filter((pod) => !ready(pod) || pod.status.phase !== 'Running');
  return [
    ...absent.map(({ name }) => `node ${name} is absent`),
    ...nodes.filter((node) => !ready(node)).map(({ metadata }) => `node ${metadata.name}`),
    ...stopped.map(({ metadata }) => `pod ${metadata.namespace ?? ''}/${metadata.name}`),
  ];
}

/** Waits until all nodes and pods are Ready, at most so many seconds. @throws Error that names those that are not */
export async function waitUntilWell(lab: TestLab, seconds: number): Promise<void> {
  // An API that cannot say it is not well either.
  const look = (): Promise<string[]> =>
    unready(lab).catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
  const left = await settled(look, seconds);
  if (left.length > 0) throw new Error(`not Ready after ${seconds} s: ${left.join(', ')}`);
}

/** Looks until nothing is left, for so many seconds; resolves to what is left. */
async function settled(look: () => Promise<string[]>, seconds: number): Promise<string[]> {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const left = await look();
    if (left.length === 0 || Date.now() >= until) return left;
    await sleep(1000);
  }
}
