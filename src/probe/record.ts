import type { Delivery } from './delivery.js';
import type { ClassStats, FailureRecord } from './types.js';

const KEPT_FAILURES = 50;

const tenth = (ms: number) => Math.round(ms * 10) / 10;
/** The wall clock at a `performance.now()`. */
const wallClock = (moment: number) => new Date(performance.timeOrigin + moment).toISOString();

/** The longest of several durations and when it began. */
class Longest {
  ms = 0;
  from: number | undefined;

  see(from: number, to: number): void {
    if (to - from <= this.ms) return;
    this.ms = to - from;
    this.from = from;
  }
}

/** Keeps the figures of one class. All moments are `performance.now()`. */
export class ClassRecord {
  failed = 0;
  resent = 0;
  skipped = 0;
  requests = 0;
  readonly #failures: FailureRecord[] = [];
  readonly #gap = new Longest();
  readonly #latency = new Longest();
  #ranMs = 0;
  #runningSince: number | undefined;
  #lastSuccess = 0;

  get running(): boolean {
    return this.#runningSince !== undefined;
  }

  begin(now: number): void {
    this.#runningSince = now;
    this.#lastSuccess = now;
  }

  /** `lastGap: false` when nothing was expected since the last success. */
  end(now: number, lastGap = true): void {
    if (this.#runningSince === undefined) return;
    this.#ranMs += now - this.#runningSince;
    this.#runningSince = undefined;
    if (lastGap) this.#gap.see(this.#lastSuccess, now);
  }

  /** A request was sent; `settle` or `success` and `failure` follow. */
  settle(delivery: Delivery): void {
    if (delivery.resent) this.resent += 1;
    if (delivery.error === undefined) this.success(delivery.sentAt, delivery.endedAt);
    else this.failure(delivery.error, delivery.sentAt, delivery.endedAt, delivery.via);
  }

  latency(sentAt: number, endedAt: number): void {
    this.#latency.see(sentAt, endedAt);
  }

  success(sentAt: number, endedAt: number): void {
    this.latency(sentAt, endedAt);
    // A watch hears of the first writes before its class begins; there is no success before that one.
    if (this.running) this.#gap.see(this.#lastSuccess, endedAt);
    this.#lastSuccess = Math.max(this.#lastSuccess, endedAt);
  }

  failure(error: string, sentAt: number, endedAt: number, via: string): void {
    this.failed += 1;
    this.#latency.see(sentAt, endedAt);
    if (this.#failures.length >= KEPT_FAILURES) return;
    this.#failures.push({ at: wallClock(sentAt), error, latencyMs: tenth(endedAt - sentAt), via });
  }

  /** `openGap: false` leaves out the time since the last success. */
  snapshot(now: number, openGap = true): ClassStats {
    const gap = new Longest();
    gap.ms = this.#gap.ms;
    gap.from = this.#gap.from;
    if (this.running && openGap) gap.see(this.#lastSuccess, now);
    const since = this.#runningSince === undefined ? 0 : now - this.#runningSince;
    return {
      running: this.running,
      seconds: tenth((this.#ranMs + since) / 1000),
      requests: this.requests,
      failed: this.failed,
      resent: this.resent,
      skipped: this.skipped,
      longestGapMs: tenth(gap.ms),
      ...(gap.from === undefined ? {} : { longestGapAt: wallClock(gap.from) }),
      longestLatencyMs: tenth(this.#latency.ms),
      ...(this.#latency.from === undefined ? {} : { longestLatencyAt: wallClock(this.#latency.from) }),
      failures: [...this.#failures],
    };
  }
}
