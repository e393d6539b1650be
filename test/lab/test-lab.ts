import { dirname, join } from 'node:path';
import { preflight, terminalProgress, type Progress } from '../../lab/assets/index.js';
import * as lab from '../../lab/cluster/index.js';
import { run, type CommandOptions, type CommandResult } from '../../lab/cluster/host/command.js';
import { inNetworkWithHosts } from '../../lab/cluster/host/namespace.js';
import { currentKubeconfig } from '../../lab/cluster/kube/kubectl.js';
import { network } from '../../lab/cluster/plan.js';
import { existingLab } from '../../lab/cluster/record.js';
import { say } from './say.js';

/** The tests' own lab, so that they never take away one that a person uses. */
export const stateDir = process.env['KEYROLL_TEST_LAB_DIR'] ?? '/var/lib/keyroll-test';

/** Why no lab can run on this machine; undefined when it can. */
export async function reasonToSkip(): Promise<string | undefined> {
  const missing = (await preflight()).filter(({ ok }) => !ok);
  if (missing.length === 0) return undefined;
  return missing
    .map(({ name, found, expected }) => `${name}: found ${found}, expected ${expected}`)
    .join('; ');
}

/** A node with its folders on this machine. */
export interface TestNode extends lab.NodePaths {
  readonly kubelet: string;
}

/** A running lab as a test sees it. */
export interface TestLab {
  readonly plan: lab.LabPlan;
  readonly clusterDir: string;
  readonly sshKey: string;
  /** Where the operator's lies. */
  readonly kubeconfig: string;
  /** The one that every master accepts now: a rotation puts the new one aside until it has ended. */
  readonly currentKubeconfig: () => string;
  readonly nodes: readonly TestNode[];
  readonly masters: readonly TestNode[];
  /** Runs kubectl as the operator; resolves to stdout. */
  readonly kubectl: (args: readonly string[], options?: CommandOptions) => Promise<string>;
  /** The items of a list. */
  readonly list: <T>(...what: readonly string[]) => Promise<T[]>;
  /** Runs a shell script as root on a node; resolves to stdout. */
  readonly onNode: (node: string, script: string, options?: CommandOptions) => Promise<string>;
  /** Runs a program in the lab's network. */
  readonly exec: (argv: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
}

async function reporting<T>(work: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = terminalProgress();
  try {
    return await work(progress);
  } finally {
    progress.close();
  }
}

/**
 * RSA 2048 on every machine: three kube-apiservers share two cores with their clients, and at 20 to 30 new connections a
 * second AKS Engine's RSA 4096 alone can take more of a slow core than there is (docs/figures.md). Nothing that is
 * asserted depends on the size; `test/lab-all/key-size.test.ts` rotates with 4096.
 */
const defaults = { masters: 3, agents: 2, keyBits: 2048 } as const;

/** Brings the tests' lab up, or takes the one that runs, when it has these options. */
export async function bringUp(options: Partial<lab.UpOptions> = {}): Promise<TestLab> {
  const begun = Date.now();
  await reporting((progress) => lab.up(progress, { ...defaults, ...options }, stateDir));
  say(`lab: up after ${((Date.now() - begun) / 1000).toFixed(0)} s`);
  return testLab();
}

/** Keeps the lab as it is now, to come back to. */
export function keep(name: string): Promise<void> {
  return reporting((progress) => lab.snapshot(name, progress, stateDir));
}

/** Puts the lab back to where it was kept. */
export function putBack(name: string): Promise<void> {
  return reporting((progress) => lab.restore(name, progress, stateDir));
}

/** Takes the lab away unless `KEYROLL_KEEP_LAB` is set. */
export async function takeDown(): Promise<void> {
  if (process.env['KEYROLL_KEEP_LAB'] !== undefined) return;
  await lab.down(stateDir);
}

async function testLab(): Promise<TestLab> {
  const { clusterDir, sshKey, binaries, nodes: seen } = await lab.paths(stateDir);
  const { plan } = await existingLab(stateDir);
  const nodes = seen.map((node) => ({ ...node, kubelet: join(dirname(node.root), 'kubelet') }));
  const kubeconfig = join(clusterDir, 'kubeconfig', `kubeconfig.${network.location}.json`);
  const current = (): string => currentKubeconfig({ stateDir });
  const kubectl = (args: readonly string[], how: CommandOptions = {}): Promise<string> => {
    const argv = [join(binaries, 'kubectl'), `--kubeconfig=${current()}`, '--request-timeout=20s', ...args];
    return run(inNetworkWithHosts(plan, argv), { ...how, env: { HOME: '/nonexistent' } });
  };
  return {
    ...{ plan, clusterDir, sshKey, kubeconfig, currentKubeconfig: current, nodes, kubectl },
    masters: nodes.filter(({ role }) => role === 'master'),
    list: async <T>(...what: readonly string[]) =>
      (JSON.parse(await kubectl(['get', ...what, '-o', 'json'])) as { items: T[] }).items,
    onNode: (node, script, how = {}) => lab.inNode(node, ['sh', '-c', script], stateDir, how),
    exec: (argv, how = {}) => lab.exec(argv, how, stateDir),
  };
}
