import { delay } from './delay.js';
import type { Deadlines } from './deadlines.js';
import { deliver, type Delivery } from './delivery.js';
import type { ProbeRequest, Transport } from './exchange.js';
import type { ClassRecord } from './record.js';

/** Sends the requests of one class, counts them, and knows which are under way. */
export class Sender {
  readonly #underWay = new Set<Promise<Delivery>>();

  constructor(
    private readonly transport: Transport,
    private readonly record: ClassRecord,
    private readonly deadlines: Deadlines,
    private readonly timeoutMs: number,
    /** At most so many requests are under way; more than come together in the time that each has. */
    private readonly limit: number,
  ) {}

  get full(): boolean {
    return this.#underWay.size >= this.limit;
  }

  /** Sends and counts. `judge` may accept an answer that is an error by its status alone. */
  async send(request: ProbeRequest, judge: (delivery: Delivery) => Delivery = (delivery) => delivery) {
    this.record.requests += 1;
    const outcome = this.uncounted(request).then(judge);
    this.#underWay.add(outcome);
    const delivery = await outcome;
    this.#underWay.delete(outcome);
    this.record.settle(delivery);
    return delivery;
  }

  /** Sends without counting: for what prepares or checks the probe itself. */
  uncounted(request: ProbeRequest): Promise<Delivery> {
    return deliver(this.transport, request, this.deadlines, this.timeoutMs);
  }

  /** Waits for all that is under way; each ends within its time. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Tries until it succeeds or `ms` have passed. @throws Error with the last reason */
  async until(request: ProbeRequest, ms: number): Promise<Delivery> {
    const end = performance.now() + ms;
    for (;;) {
      const delivery = await this.uncounted(request);
      if (delivery.error === undefined) return delivery;
      if (performance.now() + RETRY_MS >= end) {
        throw new Error(`${request.method} ${request.path} through ${delivery.via}: ${delivery.error}`);
      }
      await delay(RETRY_MS);
    }
  }
}

const RETRY_MS = 500;
