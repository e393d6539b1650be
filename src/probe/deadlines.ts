const STEP_MS = 50;
/** A step that took longer than this means that the thread did not run. */
const LONGEST_STEP_MS = 250;

interface Pending {
  readonly due: number;
  readonly expire: () => void;
}

/** Something that happens unless it is cancelled first. */
export interface Deadline {
  cancel(): void;
}

/**
 * Deadlines in the time in which this thread really ran, checked every 50 ms.
 * A machine that stood still for 5 s has not waited 5 s for an answer that lies in its socket buffer.
 */
export class Deadlines {
  /** Time in which the thread did not run, ms. */
  stalledMs = 0;
  readonly #pending = new Set<Pending>();
  readonly #timer = setInterval(() => this.#step(), STEP_MS);
  #elapsed = 0;
  #last = performance.now();

  /** Calls `expire` once after `ms` of running time, at most 50 ms late. */
  after(ms: number, expire: () => void): Deadline {
    const sinceStep = Math.min(performance.now() - this.#last, LONGEST_STEP_MS);
    const pending = { due: this.#elapsed + sinceStep + ms, expire };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** The same as a promise that only ever rejects. */
  expiry(ms: number): Deadline & { readonly promise: Promise<never> } {
    let deadline: Deadline | undefined;
    const promise = new Promise<never>((_resolve, reject) => {
      deadline = this.after(ms, () => reject(new Error(`no answer in ${ms} ms`)));
    });
    return { promise, cancel: () => deadline?.cancel() };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#pending.clear();
  }

  #step(): void {
    const now = performance.now();
    const step = now - this.#last;
    const counted = Math.min(step, LONGEST_STEP_MS);
    this.#last = now;
    this.#elapsed += counted;
    this.stalledMs += step - counted;
    // After the poll phase: answers that are already here are read first.
    setImmediate(() => this.#expire());
  }

  #expire(): void {
    for (const pending of this.#pending) {
      if (pending.due > this.#elapsed) continue;
      this.#pending.delete(pending);
      pending.expire();
    }
  }
}
