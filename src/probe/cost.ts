import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { WorkerCost } from './types.js';

const tenth = (value: number) => Math.round(value * 10) / 10;

/** CPU time of the calling thread in ms, where the kernel tells it (Linux). */
function threadCpuMs(): number | undefined {
  try {
    const [nanoseconds] = readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ');
    return Number(nanoseconds) / 1e6;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

/** Measures what this thread costs from now on. */
export class CostMeter {
  readonly #startedAt = performance.now();
  readonly #cpuAtStart = threadCpuMs();
  readonly #activeAtStart = performance.eventLoopUtilization();
  readonly #delays = monitorEventLoopDelay({ resolution: 20 });

  constructor() {
    this.#delays.enable();
  }

  read(stalledMs: number): WorkerCost {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const cpuNow = threadCpuMs();
    const fromThread = cpuNow !== undefined && this.#cpuAtStart !== undefined;
    const cpuMs = fromThread
      ? cpuNow - this.#cpuAtStart
      : performance.eventLoopUtilization(this.#activeAtStart).active;
    const memory = process.memoryUsage();
    return {
      seconds: tenth(seconds),
      cpuMs: tenth(cpuMs),
      cpuPercent: tenth(cpuMs / (seconds * 10)),
      cpuSource: fromThread ? 'thread' : 'active-time',
      memoryMb: tenth((memory.heapTotal + memory.external) / 1e6),
      eventLoopMaxMs: tenth(this.#delays.max / 1e6),
      eventLoopP99Ms: tenth(this.#delays.percentile(99) / 1e6),
      stalledMs: tenth(stalledMs),
    };
  }

  close(): void {
    this.#delays.disable();
  }
}
