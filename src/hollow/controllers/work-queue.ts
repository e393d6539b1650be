/** Again after so many ms, or not before the next change. */
export type Outcome = number | undefined;

const firstPauseMs = 50;
const longestPauseMs = 1_000;

/**
 * Keys of objects to be looked at, as client-go's work queues: a key is looked at by one at a time, once for all changes
 * that came meanwhile, and again after a failure, later each time.
 */
export class WorkQueue {
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #failures = new Map<string, number>();
  #stopped = false;

  constructor(
    private readonly name: string,
    private readonly reconcile: (key: string) => Promise<Outcome>,
    private readonly log: (line: string) => void,
  ) {}

  add(key: string): void {
    if (this.#stopped) return;
    this.#waiting.add(key);
    if (!this.#working.has(key)) void this.#work(key);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  async #work(key: string): Promise<void> {
    this.#working.add(key);
    while (this.#waiting.delete(key) && !this.#stopped) {
      clearTimeout(this.#timers.get(key));
      const again = await this.#once(key);
      if (again !== undefined) this.#later(key, again);
    }
    this.#working.delete(key);
  }

  async #once(key: string): Promise<Outcome> {
    try {
      const again = await this.reconcile(key);
      this.#failures.delete(key);
      return again;
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      if (!this.#stopped && failures % 10 === 1)
        this.log(`${this.name}: ${key}: ${(error as Error).message}`);
      return Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs);
    }
  }

  #later(key: string, ms: number): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => this.add(key), ms);
    this.#timers.set(key, timer);
  }
}
