import { readFileSync } from 'node:fs';
import type { Machine, Program } from '../../contracts.js';
import { running, type Work } from '../running.js';
import { ProbeConnection, Untouched, type HttpAnswer } from './kept-connection.js';
import { Results } from './results.js';
import { RunningTime } from './running-time.js';

const periodMs = 1000 / 10.5;
const catchUpMs = 1000;
const mostAtOnce = 60;
const keptConnections = 2;
/** A handshake costs a server as much as many answers: most requests keep their connection. */
const kinds = ['fresh', 'kept', 'kept', 'kept'] as const;

/**
 * What stands in for a Python with a probing program in it: the same environment, requests and lines of results,
 * but that every request reads through etcd's quorum, since the stand-in of kube-apiserver has no watch cache. The program
 * itself is not read.
 */
export function podProbe(): Program {
  return {
    start: (argv, machine, environment = {}) =>
      running(machine, () => {
        const [, ...args] = argv;
        if (args.at(-1) !== '/probe/pod-probe.py')
          throw new Error(
            `python3: this stand-in knows /probe/pod-probe.py alone (asked: ${argv.join(' ')})`,
          );
        return new PodProbe(machine, environment);
      }),
  };
}

class PodProbe implements Work {
  readonly #machine: Machine;
  readonly #host: string;
  readonly #port: number;
  readonly #path: string;
  readonly #account: string;
  readonly #timeoutMs: number;
  readonly #ca: string;
  readonly #results: Results;
  readonly #idle: ProbeConnection[] = [];
  readonly #under = new Set<Promise<void>>();
  readonly #runningTime = new RunningTime();
  #stopped = false;
  #end: () => void = () => undefined;

  constructor(machine: Machine, environment: Readonly<Record<string, string>>) {
    const value = (name: string): string => {
      const found = environment[name];
      if (found === undefined) throw new Error(`KeyError: '${name}'`);
      return found;
    };
    this.#machine = machine;
    this.#host = value('KUBERNETES_SERVICE_HOST');
    this.#port = Number(value('KUBERNETES_SERVICE_PORT'));
    this.#path = value('PROBE_PATH');
    this.#account = environment['PROBE_ACCOUNT'] ?? '/var/run/secrets/kubernetes.io/serviceaccount';
    this.#timeoutMs = 1000 * Number(environment['PROBE_TIMEOUT'] ?? 5);
    this.#ca = readFileSync(machine.path(`${this.#account}/ca.crt`), 'utf8');
    const start = { t: Date.now() / 1000, uid: value('POD_UID'), node: value('NODE_NAME') };
    this.#results = new Results(machine.path(`${value('PROBE_OUT')}/${value('POD_UID')}.jsonl`), start);
  }

  async run(): Promise<void> {
    let due = Date.now();
    let summaryDue = due + 1000;
    for (let count = 0; !this.#isStopped();) {
      const now = Date.now();
      const late = Math.max(0, Math.floor((now - due - catchUpMs) / periodMs));
      if (late > 0) this.#results.add('skipped', late);
      due += late * periodMs;
      for (; due <= now; due += periodMs, count += 1) this.#give(kinds[count % kinds.length] ?? 'fresh', now);
      if (now >= summaryDue) {
        this.#results.summary(this.#runningTime.stalledMs);
        summaryDue = Math.max(summaryDue + 1000, now);
      }
      await this.#sleep(Math.max(0, due - Date.now()));
    }
    // What is under way is finished and written.
    await Promise.all(this.#under);
    this.#results.summary(this.#runningTime.stalledMs);
    this.#runningTime.close();
    for (const connection of this.#idle) connection.close();
  }

  stop(): void {
    this.#stopped = true;
    this.#end();
  }

  #isStopped(): boolean {
    return this.#stopped;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #give(kind: 'fresh' | 'kept', began: number): void {
    if (this.#under.size >= mostAtOnce) {
      this.#results.add('skipped', 1);
      return;
    }
    const one = this.#one(kind, began).finally(() => this.#under.delete(one));
    this.#under.add(one);
  }

  async #one(kind: 'fresh' | 'kept', began: number): Promise<void> {
    const late = new AbortController();
    const settled = this.#runningTime.after(this.#timeoutMs, () => late.abort());
    try {
      const { status, body } = await Promise.race([
        this.#answer(kind, late.signal),
        lateAnswer(late.signal, this.#timeoutMs),
      ]);
      const bad = status < 200 || status >= 300;
      this.#results.settle(began, kind, bad ? `HTTP ${status}: ${body.slice(0, 200)}` : undefined);
    } catch (error) {
      this.#results.settle(began, kind, (error as Error).message);
    } finally {
      settled();
    }
  }

  async #answer(kind: 'fresh' | 'kept', late: AbortSignal): Promise<HttpAnswer> {
    if (kind === 'fresh') return this.#on(await this.#open(), false, late);
    const kept = this.#idle.shift();
    if (!kept) return this.#on(await this.#open(), true, late);
    try {
      return await this.#on(kept, true, late);
    } catch (error) {
      if (!(error instanceof Untouched)) throw error;
      this.#results.add('resent', 1);
      return this.#on(await this.#open(), true, late);
    }
  }

  #open(): Promise<ProbeConnection> {
    return ProbeConnection.open(this.#machine, this.#host, this.#port, this.#ca);
  }

  async #on(connection: ProbeConnection, keep: boolean, late: AbortSignal): Promise<HttpAnswer> {
    late.addEventListener('abort', () => connection.close());
    let reusable = false;
    try {
      const answer = await connection.exchange(this.#request(keep));
      reusable = answer.reusable;
      return answer;
    } finally {
      if (keep && reusable && this.#idle.length < keptConnections) this.#idle.push(connection);
      else connection.close();
    }
  }

  /** The token is read each time: it may have been renewed. */
  #request(keep: boolean): string {
    const token = readFileSync(this.#machine.path(`${this.#account}/token`), 'latin1').trim();
    return [
      `GET ${this.#path} HTTP/1.1`,
      `Host: ${this.#host}:${this.#port}`,
      `Authorization: Bearer ${token}`,
      'Accept: application/json',
      `Connection: ${keep ? 'keep-alive' : 'close'}`,
      '',
      '',
    ].join('\r\n');
  }
}

function lateAnswer(late: AbortSignal, ms: number): Promise<never> {
  return new Promise((_resolve, reject) => {
    late.addEventListener('abort', () => reject(new Error(`no answer in ${ms / 1000} s`)));
  });
}
