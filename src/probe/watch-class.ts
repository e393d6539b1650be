import { delay } from './delay.js';
import { endpointOf, identityOf, type Endpoint, type Identity } from './endpoint.js';
import { EventBook } from './event-book.js';
import { FreshTransport } from './fresh.js';
import { parseObject, resourceVersionOf, type WatchEventJson } from './kube-json.js';
import type { WriteLedger } from './ledger.js';
import type { ProbeClass, Surroundings } from './probe-class.js';
import { ClassRecord } from './record.js';
import { Sender } from './sender.js';
import { Turns } from './turns.js';
import type { ClassStats, Credentials, WatchClassConfig } from './types.js';
import { openWatch, WatchRefused, type WatchStream } from './watch-stream.js';

/** Between two attempts to establish a watch. */
const RETRY_MS = 100;
/** For events that come late to be told from events that never come. */
const LAST_CALL_MS = 2000;
const GONE = 410;

/**
 * One watch on the ConfigMaps of a write class. It may end and be established again from where it was; each
 * establishing that is refused is a failure, as is an acknowledged write whose event does not come in time.
 * An event that came stands for a request in the figures; its latency counts from the sending of its write.
 */
export class WatchClass implements ProbeClass {
  readonly name: string;
  readonly #record = new ClassRecord();
  readonly #book: EventBook;
  readonly #turns: Turns<Endpoint>;
  readonly #transport: FreshTransport;
  readonly #lister: Sender;
  #identity: Identity;
  #stream: WatchStream | undefined;
  #openedAt = 0;
  #via = '';
  #version: string | undefined;
  #running = false;
  #reestablished = 0;
  #missed: number | undefined;

  constructor(
    config: WatchClassConfig,
    private readonly around: Surroundings,
    private readonly ledger: WriteLedger,
  ) {
    const endpoints = config.targets.map(endpointOf);
    this.name = config.name;
    this.#identity = identityOf(config.credentials);
    this.#turns = new Turns(endpoints);
    this.#transport = new FreshTransport(endpoints, this.#identity);
    this.#lister = new Sender(this.#transport, this.#record, around.deadlines, around.timeoutMs, 1);
    this.#book = new EventBook(around.deadlines, around.timeoutMs, {
      matched: (sentAt, seenAt) => this.#record.latency(sentAt, seenAt),
      late: (sentAt, now) => this.#late(sentAt, now),
    });
    ledger.watcher = this.#book;
  }

  async prepare(): Promise<void> {
    const end = performance.now() + this.around.startTimeoutMs;
    for (;;) {
      try {
        await this.#establish();
        return;
      } catch (error) {
        if (performance.now() >= end) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  start(): void {
    this.#running = true;
    this.#missed = undefined;
    this.#record.begin(performance.now());
    this.#book.expecting = true;
    void this.#follow();
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#book.expecting = false;
    while (this.#book.awaited > 0) await delay(RETRY_MS / 2);
    const end = performance.now() + LAST_CALL_MS;
    while (this.#book.missing > 0 && performance.now() < end) await delay(RETRY_MS / 2);
    this.#running = false;
    this.#missed = this.#book.missing;
    this.#record.end(performance.now(), this.#missed > 0);
    this.#version = undefined;
    this.close();
  }

  conclude(): Promise<void> {
    return Promise.resolve();
  }

  setCredentials(credentials: Credentials, reconnect: boolean): void {
    this.#identity = identityOf(credentials);
    this.#transport.setIdentity(this.#identity);
    if (reconnect) this.#stream?.abort();
  }

  stats(): ClassStats {
    return {
      ...this.#record.snapshot(performance.now(), this.#book.missing > 0),
      events: this.#book.events,
      reestablished: this.#reestablished,
      ...(this.#missed === undefined ? {} : { missed: this.#missed }),
    };
  }

  close(): void {
    this.#running = false;
    this.#stream?.abort();
    this.#stream = undefined;
  }

  /** Establishes the watch again whenever it ends. */
  async #follow(): Promise<void> {
    while (this.#running) {
      if (this.#stream === undefined) await this.#reestablish();
      await this.#stream?.ended;
      this.#stream = undefined;
    }
  }

  async #reestablish(): Promise<void> {
    const sentAt = performance.now();
    this.#record.requests += 1;
    this.#reestablished += 1;
    try {
      await this.#establish();
      this.#record.latency(sentAt, performance.now());
    } catch (error) {
      if (error instanceof WatchRefused && error.status === GONE) this.#version = undefined;
      const message = error instanceof Error ? error.message : String(error);
      this.#record.failure(`watch: ${message}`, sentAt, performance.now(), this.#via);
      await delay(RETRY_MS);
    }
  }

  async #establish(): Promise<void> {
    const { deadlines, timeoutMs } = this.around;
    const version = (this.#version ??= await this.#list());
    const endpoint = this.#turns.next();
    this.#via = `${endpoint.dial}:${endpoint.port} watch`;
    const path = `${this.ledger.listPath}&watch=1&allowWatchBookmarks=true&resourceVersion=${version}`;
    const link = { endpoint, identity: this.#identity, deadlines, timeoutMs };
    this.#stream = await openWatch(link, path, (line) => this.#line(line));
    this.#openedAt = performance.now();
  }

  /** Where to begin, or to begin anew when the history is gone. */
  async #list(): Promise<string> {
    const { answer, error } = await this.#lister.uncounted({
      method: 'GET',
      path: `${this.ledger.listPath}&limit=1`,
    });
    if (error !== undefined || answer === undefined) throw new WatchRefused(`list: ${error ?? 'no answer'}`);
    return resourceVersionOf(parseObject(answer.body));
  }

  #line(line: string): void {
    try {
      this.#event(parseObject(line));
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
    }
  }

  #event(event: WatchEventJson): void {
    if (event.type === 'ERROR') {
      const { code, message } = event.object ?? {};
      if (code === GONE) this.#version = undefined;
      this.#failed(`ERROR event ${code ?? ''} ${message ?? ''}`);
      return;
    }
    const version = resourceVersionOf(event.object ?? {});
    this.#version = version;
    if (event.type === 'BOOKMARK') return;
    const now = performance.now();
    this.#record.requests += 1;
    this.#record.success(now, now);
    this.#book.seen(version);
  }

  #failed(what: string): void {
    const now = performance.now();
    this.#record.failure(`watch: ${what}`, now, now, this.#via);
    this.#stream?.abort();
  }

  /** A silent connection is given up, unless it is so new that the silence was not its own. */
  #late(sentAt: number, now: number): void {
    const text = `watch: no event of an acknowledged write in ${this.around.timeoutMs} ms`;
    this.#record.failure(text, sentAt, now, this.#via);
    if (now - this.#openedAt > this.around.timeoutMs) this.#stream?.abort();
  }
}
