import { randomBytes } from 'node:crypto';

import type { Delivery } from './delivery.js';
import { identityOf } from './endpoint.js';
import type { ProbeRequest, Transport } from './exchange.js';
import { parseObject, resourceVersionOf } from './kube-json.js';
import { WriteLedger } from './ledger.js';
import { Pace } from './pace.js';
import { DEFAULT_RATE, limitFor, transportOf, type ProbeClass, type Surroundings } from './probe-class.js';
import { deleteWritten, readBack } from './read-back.js';
import { ClassRecord } from './record.js';
import { Sender } from './sender.js';
import type { ClassStats, Credentials, WriteClassConfig } from './types.js';
import { WriteLane } from './write-lane.js';

/**
 * ConfigMaps for each write a second. Concurrent PATCHes of one object make the API server try again and again, and
 * where etcd is slow one of ten would get no answer in time: so a write goes to an object that no other is under way to.
 */
const LANES_PER_RATE = 1.6;

/**
 * Counts upwards in ConfigMaps: write number n is the key `w<n>` of its own, merged by PATCH, so sending one again
 * changes nothing and every acknowledged one must be there at the end. A ConfigMap is left for the next after some
 * keys; none is changed or deleted before `conclude` has read all of them back.
 */
export class WriteClass implements ProbeClass {
  readonly name: string;
  readonly ledger: WriteLedger;
  readonly #run = randomBytes(5).toString('hex');
  readonly #record = new ClassRecord();
  readonly #transport: Transport;
  readonly #sender: Sender;
  readonly #pace: Pace;
  readonly #lanes: readonly WriteLane[];
  #number = 0;
  #lostKeys: readonly string[] | undefined;
  #readBackError: string | undefined;

  constructor(
    config: WriteClassConfig,
    private readonly around: Surroundings,
  ) {
    const rate = config.ratePerSecond ?? DEFAULT_RATE;
    const limit = limitFor(rate, around.timeoutMs);
    this.name = config.name;
    this.ledger = new WriteLedger(config.namespace, `keyroll.probe/run=${this.#run}`);
    this.#transport = transportOf(config);
    this.#sender = new Sender(this.#transport, this.#record, around.deadlines, around.timeoutMs, limit);
    this.#lanes = Array.from(
      { length: Math.ceil(rate * LANES_PER_RATE) },
      (_, lane) => new WriteLane(`keyroll-probe-${this.#run}-${lane}`, config.keysPerObject ?? 100),
    );
    this.#pace = new Pace(
      rate,
      () => this.#write(),
      (count) => (this.#record.skipped += count),
    );
  }

  async prepare(): Promise<void> {
    await Promise.all(
      this.#lanes.map((lane) => this.#sender.until(this.#creation(lane.current), this.around.startTimeoutMs)),
    );
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

  /** Reads everything back, then deletes it. What cannot be read stays unknown and is an error, never "0 lost". */
  async conclude(): Promise<void> {
    const patience = this.around.readBackTimeoutMs;
    try {
      this.#lostKeys = await readBack(this.#sender, this.ledger, patience);
      await deleteWritten(this.#sender, this.ledger, patience);
    } catch (error) {
      this.#readBackError = error instanceof Error ? error.message : String(error);
    }
  }

  setCredentials(credentials: Credentials, reconnect: boolean): void {
    this.#transport.setIdentity(identityOf(credentials), reconnect);
  }

  stats(): ClassStats {
    return {
      ...this.#record.snapshot(performance.now()),
      acknowledged: this.ledger.acknowledged,
      ...(this.#lostKeys === undefined
        ? {}
        : { lost: this.#lostKeys.length, lostKeys: this.#lostKeys.slice(0, 50) }),
      ...(this.#readBackError === undefined ? {} : { readBackError: this.#readBackError }),
    };
  }

  close(): void {
    this.#pace.stop();
    this.#transport.close();
  }

  #write(): void {
    if (this.#sender.full) {
      this.#record.skipped += 1;
      return;
    }
    const lane = this.#idlest();
    if (lane.wantsSuccessor()) void this.#createSuccessor(lane);
    const key = `w${this.#number}`;
    const value = String(this.#number);
    this.#number += 1;
    void this.#patch(lane, key, value);
  }

  /** The lane with the fewest writes under way; among equals the one whose turn it is. */
  #idlest(): WriteLane {
    const turn = this.#number % this.#lanes.length;
    const inTurn = [...this.#lanes.slice(turn), ...this.#lanes.slice(0, turn)];
    return inTurn.reduce((idlest, lane) => (lane.underWay < idlest.underWay ? lane : idlest));
  }

  async #patch(lane: WriteLane, key: string, value: string): Promise<void> {
    const object = lane.take();
    const request = {
      method: 'PATCH',
      path: `${this.ledger.collectionPath}/${object}`,
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ data: { [key]: value } }),
    };
    lane.underWay += 1;
    if (await this.#sendWatched(request)) this.ledger.acknowledge(object, key, value);
    lane.underWay -= 1;
  }

  async #createSuccessor(lane: WriteLane): Promise<void> {
    lane.made(await this.#sendWatched(this.#creation(lane.following)));
  }

  /** Sends a write and tells the watch of its event. */
  async #sendWatched(request: ProbeRequest): Promise<boolean> {
    const watcher = this.ledger.watcher?.expecting === true ? this.ledger.watcher : undefined;
    let version: string | undefined;
    const delivery = await this.#sender.send(request, (outcome) => {
      const judged = acceptOwnCreation(request, outcome);
      if (judged.error !== undefined || judged !== outcome) return judged;
      return withVersion(judged, (found) => (version = found));
    });
    if (version !== undefined) watcher?.acknowledged(version, delivery.sentAt);
    return delivery.error === undefined;
  }

  #creation(name: string): ProbeRequest {
    const labels = { 'app.kubernetes.io/managed-by': 'keyroll', 'keyroll.probe/run': this.#run };
    return {
      method: 'POST',
      path: this.ledger.collectionPath,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data: {} }),
    };
  }
}

/** A creation that was sent twice and "already exists" did succeed: the name is ours alone. */
function acceptOwnCreation(request: ProbeRequest, outcome: Delivery): Delivery {
  if (request.method !== 'POST' || !outcome.resent || outcome.answer?.status !== 409) return outcome;
  const { answer, resent, via, at, sentAt, endedAt } = outcome;
  return { answer, resent, via, at, sentAt, endedAt };
}

/** An acknowledgement must be the object, with the version under which its event comes. */
function withVersion(outcome: Delivery, found: (version: string) => void): Delivery {
  try {
    found(resourceVersionOf(parseObject(outcome.answer?.body ?? '')));
    return outcome;
  } catch (error) {
    return { ...outcome, error: error instanceof Error ? error.message : String(error) };
  }
}
