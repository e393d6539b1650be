/** Somebody asked to stop; what was begun has ended, and the same rotation can be taken up. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/**
 * The wish to stop at the next safe place: between two steps, or in a wait that can be begun again. Steps that change
 * something are never cut.
 */
export class StopRequest {
  readonly #own = new AbortController();
  readonly #whole: StopRequest | undefined;
  #reason = '';

  /** For a part of the work: asked to stop when the whole is, not the other way round. */
  constructor(whole?: StopRequest) {
    this.#whole = whole;
    this.signal = whole ? AbortSignal.any([whole.signal, this.#own.signal]) : this.#own.signal;
  }

  /** Aborted when a stop is asked for: ends sleeps of waits. */
  readonly signal: AbortSignal;

  /** May be called again; the first reason stays. */
  request(reason: string): void {
    if (this.#own.signal.aborted) return;
    this.#reason = reason;
    this.#own.abort();
  }

  get requested(): boolean {
    return this.signal.aborted;
  }

  /** @throws StoppedError when a stop was asked for */
  check(): void {
    this.#whole?.check();
    if (this.requested) throw new StoppedError(this.#reason);
  }
}
