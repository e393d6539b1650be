import { appendFileSync } from 'node:fs';

/** Counts what a probing pod did, and writes it down as lines of JSON. Times in s since 1970 and ms. */
export class Results {
  readonly #file: string;
  #since = Date.now();
  #counts = { requests: 0, failed: 0, resent: 0, skipped: 0 };
  #longest = 0;
  #stalledBefore = 0;
  #successes: number[] = [];

  constructor(file: string, start: object) {
    this.#file = file;
    this.#write({ start });
  }

  add(name: 'resent' | 'skipped', count: number): void {
    this.#counts[name] += count;
  }

  settle(began: number, via: string, error?: string): void {
    const ended = Date.now();
    this.#counts.requests += 1;
    this.#longest = Math.max(this.#longest, ended - began);
    if (error === undefined) {
      this.#successes.push(ended);
      return;
    }
    this.#counts.failed += 1;
    this.#write({ failure: { t: began / 1000, error, latencyMs: ended - began, via } });
  }

  /** @param stalledMs for how long the process did not run, since its start */
  summary(stalledMs: number): void {
    const at = this.#successes.map((moment) => moment - this.#since);
    this.#write({
      t: this.#since / 1000,
      ms: Date.now() - this.#since,
      ...this.#counts,
      maxMs: this.#longest,
      stalledMs: Math.round(stalledMs - this.#stalledBefore),
      at,
    });
    this.#since = Date.now();
    this.#stalledBefore = stalledMs;
    this.#counts = { requests: 0, failed: 0, resent: 0, skipped: 0 };
    this.#longest = 0;
    this.#successes = [];
  }

  #write(line: object): void {
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}
