import type { Deadline, Deadlines } from './deadlines.js';
import type { LedgerWatcher } from './ledger.js';

/** Holds acknowledged writes against the events that came, by resource version. */
export class EventBook implements LedgerWatcher {
  expecting = false;
  events = 0;
  readonly #seenAt = new Map<string, number>();
  readonly #awaited = new Map<string, { sentAt: number; deadline: Deadline; late: boolean }>();

  constructor(
    private readonly deadlines: Deadlines,
    private readonly timeoutMs: number,
    private readonly on: {
      /** A write and its event are both known. */
      readonly matched: (sentAt: number, seenAt: number) => void;
      /** An acknowledged write has had no event for `timeoutMs`. */
      readonly late: (sentAt: number, now: number) => void;
    },
  ) {}

  /** Acknowledged writes whose event has not come. */
  get missing(): number {
    return this.#awaited.size;
  }

  /** Of these the ones that may still come in time. */
  get awaited(): number {
    return [...this.#awaited.values()].filter(({ late }) => !late).length;
  }

  seen(resourceVersion: string): void {
    const now = performance.now();
    this.events += 1;
    this.#seenAt.set(resourceVersion, now);
    const entry = this.#awaited.get(resourceVersion);
    if (entry === undefined) return;
    entry.deadline.cancel();
    this.#awaited.delete(resourceVersion);
    this.on.matched(entry.sentAt, now);
  }

  acknowledged(resourceVersion: string, sentAt: number): void {
    const seenAt = this.#seenAt.get(resourceVersion);
    // A write that was sent again has the version, and so the event, of its first sending.
    if (seenAt !== undefined) this.on.matched(sentAt, Math.max(sentAt, seenAt));
    else if (!this.#awaited.has(resourceVersion)) this.#await(resourceVersion, sentAt);
  }

  #await(resourceVersion: string, sentAt: number): void {
    const deadline = this.deadlines.after(this.timeoutMs, () => {
      entry.late = true;
      this.on.late(sentAt, performance.now());
    });
    const entry = { sentAt, deadline, late: false };
    this.#awaited.set(resourceVersion, entry);
  }
}
