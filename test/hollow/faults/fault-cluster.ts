import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { shortenedTimings, startCluster, type HollowCluster } from '../../../src/hollow/index.js';
import { keyroll, type Ended, type How } from './keyroll.js';
import { endState, nodeFiles, type NodeFiles } from './node-files.js';
import { nameOf, journalIn, recordsIn, rotationsIn, type Place } from './place.js';
import { Prober } from './prober.js';

/** No probe of keyroll's own, where there would be one: requests are counted by what outlives it. */
export function unasked(command: string | undefined): string[] {
  return ['--yes', ...(['clean', 'finish', 'adopt'].includes(command ?? '') ? [] : ['--no-probe'])];
}

/** A hollow cluster whose requests are counted whatever becomes of keyroll, and what a rotation has made of its files. */
export class FaultCluster {
  readonly cluster: HollowCluster;
  readonly prober: Prober;
  /** What each run said. */
  readonly outputs: string[] = [];
  /** The folder of rotations beside the API model. */
  state: string;
  #modelFile: string;
  #before: NodeFiles;

  private constructor(cluster: HollowCluster) {
    this.cluster = cluster;
    this.#modelFile = cluster.modelFile;
    this.state = join(dirname(cluster.modelFile), '_keyroll');
    this.prober = new Prober(cluster, () => this.state);
    this.#before = nodeFiles(cluster);
  }

  static async start(masters: 1 | 3 = 3): Promise<FaultCluster> {
    return new FaultCluster(
      await startCluster({
        ...{ masters, agents: 1, timings: shortenedTimings, keys: { type: 'ec', curve: 'prime256v1' } },
        ...{ watchdogDelayMs: 5_000, projectedTokens: false },
      }),
    );
  }

  async stop(): Promise<void> {
    await this.prober.stop();
    await this.cluster.stop();
  }

  /** From now on keyroll runs with another copy of the operator's folder, as on another machine. */
  moveTo(modelFile: string): void {
    this.#modelFile = modelFile;
    this.state = join(dirname(modelFile), '_keyroll');
  }

  /** What the options of a run are, for those who start it themselves. */
  get how(): How {
    return { modelFile: this.#modelFile };
  }

  /** `resume`, `rollback`, … with more flags, to its end. */
  async run(args: readonly string[], killAt?: Place): Promise<Ended> {
    const how = { ...this.how, ...(killAt ? { killAt } : {}) };
    const ended = await keyroll(this.cluster, [...args, ...unasked(args[0])], how);
    this.outputs.push(ended.output);
    return ended;
  }

  /** Returns where it was killed. @throws Error with keyroll's output when it came to its end instead of being killed there */
  async killed(args: readonly string[], place: Place): Promise<string> {
    const { killed, code, output } = await this.run(args, place);
    if (!killed)
      throw new Error(
        `keyroll ${args.join(' ')} was to be killed ${place.when} ${place.record ?? 'any record'}, and it ended with ${code}:\n${output}`,
      );
    return placeOf(output);
  }

  /** @throws Error with keyroll's output when it ended with another exit code */
  async ends(args: readonly string[], expected: number): Promise<string> {
    const { code, output } = await this.run(args);
    if (code !== expected)
      throw new Error(`keyroll ${args.join(' ')}: exit code ${code}, expected ${expected}:\n${output}`);
    return output;
  }

  /** Names of the records of the latest rotation. */
  get records(): Set<string> {
    return recordsIn(this.state);
  }

  get journal(): string[] {
    return journalIn(this.state).map(nameOf);
  }

  get rotation(): string {
    return rotationsIn(this.state).at(-1) ?? '';
  }

  /** What lies on the nodes now is what the next rotation begins with. */
  begin(): void {
    this.#before = nodeFiles(this.cluster);
    this.prober.reread();
  }

  /** What each file of each node has become since `begin`, in words that two rotations share. */
  get endState(): Record<string, string> {
    const folder = join(this.state, this.rotation, 'keys');
    const names = existsSync(folder) ? readdirSync(folder) : [];
    const materials = new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
    return endState(this.#before, nodeFiles(this.cluster), materials);
  }

  /** Only those files that are not as before. */
  get changes(): Record<string, string> {
    return Object.fromEntries(Object.entries(this.endState).filter(([, word]) => word !== 'as before'));
  }

  /** Certificates, keys and kubeconfigs of the start that hold nothing of the rotation: none when all is new. */
  get notNew(): string[] {
    const isCredential = (file: string): boolean => /\/certs\/.*\.(crt|key)$|\/\.kube\/config$/.test(file);
    const all = Object.entries(this.endState).filter(([file]) => isCredential(file));
    if (all.length === 0) throw new Error('no file of the nodes is a certificate, a key or a kubeconfig');
    return all
      .filter(([, word]) => /^as before$|^gone$| (changed|came)$/.test(word))
      .map(([file, word]) => `${file}: ${word}`);
  }

  /** Every request of pods and of the prober that failed since the start. */
  get failures(): string[] {
    const { calls, machines } = this.cluster;
    const folders = machines.map(({ node }) => node.path('/var/log/callers')).filter(existsSync);
    const told = folders.flatMap((folder) =>
      readdirSync(folder).map((name) => `${name}: ${readFileSync(join(folder, name), 'utf8')}`),
    );
    return [...this.prober.failures, ...(calls.failed === 0 ? [] : told)];
  }

  get requests(): number {
    return this.prober.requests + this.cluster.calls.requests;
  }

  /** Waits until nodes, pods and aggregated APIs are well, as the admin of now. */
  async well(): Promise<void> {
    this.cluster.admin.reread();
    await this.cluster.admin.well();
  }
}

/** `before intent trust/apiserver/master-0`, from the output of a run that was killed. */
export function placeOf(output: string): string {
  return /^killed (.*)$/m.exec(output)?.[1] ?? 'nowhere';
}
