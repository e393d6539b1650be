/** Somebody asked to stop; what was begun has ended, and the same rotation can be taken up. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/**
 * The wish to stop at the next safe place: between two steps, or in a wait that can be begun again. Steps that change
 * something are never cut.
 */
export class StopRequest {
  readonly #controller = new AbortController();
  #reason = '';

  /** May be called again; the first reason stays. */
  request(reason: string): void {
    if (this.requested) return;
    this.#reason = reason;
    this.#controller.abort();
  }

  get requested(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Aborted when a stop is asked for: ends sleeps of waits. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** @throws StoppedError when a stop was asked for */
  check(): void {
    if (this.requested) throw new StoppedError(this.#reason);
  }
}
