import type { HollowNode } from '../node/node.js';
import { get } from '../commands/curl.js';
import type { Container } from './pod.js';
import type { RunningPod } from './runtime.js';

/** Tells which containers are ready: those that run, and whose readiness probe passes. */
export class Readiness {
  readonly #node: HollowNode;
  readonly #onChange: (pod: RunningPod) => void;
  readonly #ready = new Map<RunningPod, Set<string>>();
  #looking: NodeJS.Timeout | undefined;

  constructor(node: HollowNode, onChange: (pod: RunningPod) => void) {
    this.#node = node;
    this.#onChange = onChange;
  }

  /** @param everyMs between two looks */
  start(everyMs: number): void {
    this.#looking = setInterval(() => {
      for (const pod of this.#ready.keys()) void this.#look(pod);
    }, everyMs);
  }

  stop(): void {
    clearInterval(this.#looking);
    this.#ready.clear();
  }

  follow(pod: RunningPod): void {
    this.#ready.set(pod, new Set());
    void this.#look(pod);
  }

  forget(pod: RunningPod): void {
    this.#ready.delete(pod);
  }

  readyOf(pod: RunningPod): ReadonlySet<string> {
    return this.#ready.get(pod) ?? new Set();
  }

  async #look(pod: RunningPod): Promise<void> {
    const passed = await Promise.all(
      pod.pod.spec.containers.map(async (container, index) => {
        const runs = pod.containers[index]?.process !== undefined;
        return runs && (await this.#passes(container, pod.address)) ? [container.name] : [];
      }),
    );
    const now = new Set(passed.flat());
    const before = this.#ready.get(pod);
    if (!before || (now.size === before.size && [...now].every((name) => before.has(name)))) return;
    this.#ready.set(pod, now);
    this.#onChange(pod);
  }

  async #passes({ readinessProbe }: Container, address: string): Promise<boolean> {
    if (!readinessProbe) return true;
    const { httpGet, tcpSocket } = readinessProbe;
    try {
      if (tcpSocket) {
        (await this.#node.dial(address, tcpSocket.port)).destroy();
        return true;
      }
      const url = new URL(`http://${address}:${httpGet?.port ?? 80}${httpGet?.path ?? '/'}`);
      return (await get(this.#node, { url, timeoutMs: 1000 })).status < 400;
    } catch {
      // Whatever keeps it from answering, it is not ready.
      return false;
    }
  }
}
