import { setTimeout as sleep } from 'node:timers/promises';
import { isStatus, type Client } from '../client/client.js';
import { microTimestamp, type KubeObject } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';

interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export interface Election {
  readonly name: string;
  /** `host_something`. */
  readonly identity: string;
  /** How long a lease is good, ms; tried at two fifteenths of it, given up at two thirds. */
  readonly leaseMs: number;
}

const namespace = 'kube-system';

/**
 * client-go's leader election with a Lease. A holder's lease counts from when its last change was seen here, not from the
 * time that it says; an empty holder's lease is free.
 */
export class LeaderElection {
  #seen: { readonly text: string; readonly at: number } | undefined;
  #stopped = false;

  constructor(
    private readonly client: Client,
    private readonly election: Election,
    private readonly log: (line: string) => void,
  ) {}

  /** Resolves when the lease is held, or after `stop`: then false. */
  async acquire(): Promise<boolean> {
    while (!this.#isStopped()) {
      if (await this.#try()) return !this.#isStopped();
      await sleep(this.#retryMs);
    }
    return false;
  }

  /** Resolves when the lease could not be renewed in time, or after `stop`. */
  async hold(): Promise<void> {
    let renewed = Date.now();
    while (!this.#isStopped() && Date.now() - renewed < (this.election.leaseMs * 2) / 3) {
      await sleep(this.#retryMs);
      if (!this.#isStopped() && (await this.#try())) renewed = Date.now();
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** A call, since it changes while others are waited for. */
  #isStopped(): boolean {
    return this.#stopped;
  }

  get #retryMs(): number {
    return (this.election.leaseMs * 2) / 15;
  }

  async #try(): Promise<boolean> {
    try {
      return await this.#take();
    } catch (error) {
      if (!isStatus(error, 409) && !this.#isStopped())
        this.log(`lease ${this.election.name}: ${(error as Error).message}`);
      return false;
    }
  }

  async #take(): Promise<boolean> {
    const path = pathOf('leases', namespace);
    const { name } = this.election;
    const found = await this.#read(`${path}/${name}`);
    if (!found) {
      await this.client.create(path, { metadata: { name }, spec: this.#spec({}) });
      return true;
    }
    if (!this.#isFree(found)) return false;
    await this.client.update(`${path}/${name}`, { ...found, spec: this.#spec(found.spec ?? {}) });
    return true;
  }

  async #read(path: string): Promise<Lease | undefined> {
    try {
      return await this.client.get<Lease>(path);
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  #isFree({ spec = {} }: Lease): boolean {
    const { holderIdentity = '', leaseDurationSeconds = 0 } = spec;
    const text = JSON.stringify(spec);
    if (this.#seen?.text !== text) this.#seen = { text, at: Date.now() };
    if (holderIdentity === '' || holderIdentity === this.election.identity) return true;
    const lasts = Math.min(this.election.leaseMs, leaseDurationSeconds * 1000);
    return Date.now() - this.#seen.at > lasts;
  }

  #spec(before: NonNullable<Lease['spec']>): NonNullable<Lease['spec']> {
    const { identity, leaseMs } = this.election;
    const now = microTimestamp();
    const same = before.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.ceil(leaseMs / 1000)),
      acquireTime: same ? (before.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (before.leaseTransitions ?? 0) + (same ? 0 : 1),
    };
  }
}
