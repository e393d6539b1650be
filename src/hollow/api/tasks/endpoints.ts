import { timestamp, type KubeObject } from '../../kube/objects.js';
import { resourceOf } from '../../kube/resources.js';
import type { EtcdLink } from '../etcd-link.js';
import { ApiError } from '../api-error.js';
import type { Storage } from '../storage.js';

const prefix = '/registry/masterleases/';
const endpoints = resourceOf('endpoints');

interface Own {
  readonly address: string;
  readonly port: number;
  /** How long this server counts as living after its last word, ms. */
  readonly leaseMs: number;
}

/**
 * Endpoints of Service `kubernetes`: each API server says now and then that it lives, and writes down all that do (lease
 * reconciler). A server that ends orderly takes itself out, unless it is the last; one that is killed is left out when its
 * lease has run out.
 */
export class EndpointLease {
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly etcd: EtcdLink,
    private readonly storage: Storage,
    private readonly own: Own,
    private readonly log: (line: string) => void,
  ) {}

  async start(): Promise<void> {
    this.#timer = setInterval(() => this.#soon(), (this.own.leaseMs * 2) / 3);
    await this.#renew();
  }

  /** Without a word, as a process that is killed. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async leave(): Promise<void> {
    this.stop();
    await this.#last;
    const member = await this.etcd.member();
    await member.delete(`${prefix}${this.own.address}`);
    await this.#write();
  }

  #soon(): void {
    this.#last = this.#renew().catch((error: unknown) =>
      this.log(`lease of this API server: ${(error as Error).message}`),
    );
  }

  async #renew(): Promise<void> {
    const { address, leaseMs } = this.own;
    const member = await this.etcd.member();
    // The real one lets etcd forget the key by itself.
    await member.put(`${prefix}${address}`, String(Date.now() + leaseMs));
    await this.#write();
  }

  /** With nobody left the list stays as it is. */
  async #write(): Promise<void> {
    const { kvs } = await (await this.etcd.member()).range(prefix);
    const living = kvs
      .filter(({ value }) => Number(value) > Date.now())
      .map(({ key }) => key.slice(prefix.length));
    if (living.length === 0) return;
    const ports = [{ name: 'https', port: this.own.port, protocol: 'TCP' }];
    const wanted = { subsets: [{ addresses: living.map((ip) => ({ ip })), ports }] };
    const metadata = { name: 'kubernetes', namespace: 'default' };
    try {
      await this.storage.change(endpoints, 'default', 'kubernetes', (found) => ({ ...found, ...wanted }));
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
      await this.#create({ kind: 'Endpoints', apiVersion: 'v1', metadata, ...wanted });
    }
  }

  async #create(object: KubeObject): Promise<void> {
    try {
      await this.storage.create(endpoints, object);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 409) throw error;
      this.log(
        `${timestamp()} another API server made the kubernetes Endpoints; the next round adds this one`,
      );
      this.#soon();
    }
  }
}
