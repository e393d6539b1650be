/** A stall is made up for at most so far; what was due before is skipped, not sent as a flood. */
const CATCH_UP_MS = 1000;

/**
 * Calls `send` at fixed times, whether earlier answers have come or not (open loop), so that a server that hangs
 * cannot hide behind requests that were never sent.
 */
export class Pace {
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  readonly #periodMs: number;

  constructor(
    ratePerSecond: number,
    private readonly send: () => void,
    private readonly skip: (count: number) => void,
  ) {
    this.#periodMs = 1000 / ratePerSecond;
  }

  /** The first call comes after `offsetMs`. */
  start(offsetMs: number): void {
    this.stop();
    this.#next = performance.now() + offsetMs;
    this.#timer = setTimeout(() => this.#run(), offsetMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #run(): void {
    const now = performance.now();
    const late = now - this.#next - CATCH_UP_MS;
    if (late > 0) {
      const lost = Math.ceil(late / this.#periodMs);
      this.skip(lost);
      this.#next += lost * this.#periodMs;
    }
    for (; this.#next <= now; this.#next += this.#periodMs) this.send();
    this.#timer = setTimeout(() => this.#run(), Math.max(0, this.#next - performance.now()));
  }
}
