import { identityOf } from './endpoint.js';
import type { ProbeRequest, Transport } from './exchange.js';
import { Pace } from './pace.js';
import { DEFAULT_RATE, limitFor, transportOf, type ProbeClass, type Surroundings } from './probe-class.js';
import { ClassRecord } from './record.js';
import { Sender } from './sender.js';
import type { ClassStats, Credentials, ReadClassConfig } from './types.js';

/** GETs one path, over and over. */
export class ReadClass implements ProbeClass {
  readonly name: string;
  readonly #record = new ClassRecord();
  readonly #request: ProbeRequest;
  readonly #transport: Transport;
  readonly #sender: Sender;
  readonly #pace: Pace;
  private readonly targets: number;

  constructor(
    config: ReadClassConfig,
    private readonly around: Surroundings,
  ) {
    const rate = config.ratePerSecond ?? DEFAULT_RATE;
    const limit = limitFor(rate, around.timeoutMs);
    this.name = config.name;
    this.targets = config.targets.length;
    this.#request = { method: 'GET', path: config.path };
    this.#transport = transportOf(config);
    this.#sender = new Sender(this.#transport, this.#record, around.deadlines, around.timeoutMs, limit);
    this.#pace = new Pace(
      rate,
      () => this.#send(),
      (count) => (this.#record.skipped += count),
    );
  }

  async prepare(): Promise<void> {
    // One for each target, since they are taken in turn.
    for (let i = 0; i < this.targets; i += 1) {
      await this.#sender.until(this.#request, this.around.startTimeoutMs);
    }
  }

  start(offsetMs: number): void {
    this.#record.begin(performance.now());
    this.#pace.start(offsetMs);
  }

  async stop(): Promise<void> {
    this.#pace.stop();
    const stoppedAt = performance.now();
    await this.#sender.idle();
    this.#record.end(stoppedAt);
  }

  conclude(): Promise<void> {
    return Promise.resolve();
  }

  setCredentials(credentials: Credentials, reconnect: boolean): void {
    this.#transport.setIdentity(identityOf(credentials), reconnect);
  }

  stats(): ClassStats {
    return this.#record.snapshot(performance.now());
  }

  close(): void {
    this.#pace.stop();
    this.#transport.close();
  }

  #send(): void {
    if (this.#sender.full) this.#record.skipped += 1;
    else void this.#sender.send(this.#request);
  }
}
