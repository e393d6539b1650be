const stepMs = 50;
/** A step that took longer means that this process did not run. */
const longestStepMs = 250;

/**
 * Deadlines in the time in which this process ran, looked at every 50 ms: all machines of the cluster share it, and who
 * stood still with the server has not waited for its answer.
 */
export class RunningTime {
  /** For how long the process did not run, ms. */
  stalledMs = 0;
  readonly #pending = new Set<{ due: number; expire: () => void }>();
  readonly #timer = setInterval(() => this.#step(), stepMs);
  #last = performance.now();
  #ran = 0;

  /** Calls `expire` after `ms` of running time, unless what it returns is called first. */
  after(ms: number, expire: () => void): () => void {
    const pending = { due: this.#ran + ms, expire };
    this.#pending.add(pending);
    return () => void this.#pending.delete(pending);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #step(): void {
    const now = performance.now();
    const step = now - this.#last;
    this.#last = now;
    this.#ran += Math.min(step, longestStepMs);
    this.stalledMs += Math.max(0, step - longestStepMs);
    // Answers that have arrived are read before.
    setImmediate(() => this.#expire());
  }

  #expire(): void {
    for (const pending of this.#pending) {
      if (pending.due > this.#ran) continue;
      this.#pending.delete(pending);
      pending.expire();
    }
  }
}
