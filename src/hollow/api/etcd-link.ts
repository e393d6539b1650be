import { setTimeout as sleep } from 'node:timers/promises';
import type { DialEtcd, EtcdClientFiles, EtcdMember, Machine } from '../contracts.js';

const againMs = 100;
/** How long a request waits for a connection, ms. */
const patienceMs = 10_000;

/** kube-apiserver's connection to etcd: made when it is needed, made again when it was lost. */
export class EtcdLink {
  #member: EtcdMember | undefined;
  #making: Promise<EtcdMember> | undefined;
  #closed = false;
  #said = '';

  constructor(
    private readonly machine: Machine,
    private readonly files: EtcdClientFiles,
    private readonly dial: DialEtcd,
  ) {}

  /** @throws Error when no connection could be made within ten seconds */
  async member(): Promise<EtcdMember> {
    if (this.#member?.open === true) return this.#member;
    this.#making ??= this.#make().finally(() => (this.#making = undefined));
    return this.#making;
  }

  /** For good. Repeatable. */
  close(): void {
    this.#closed = true;
    this.#member?.close();
  }

  async #make(): Promise<EtcdMember> {
    const until = Date.now() + patienceMs;
    for (;;) {
      if (this.#closed) throw new Error('kube-apiserver is stopping');
      try {
        return this.#keep(await this.dial(this.machine, this.files));
      } catch (error) {
        this.#say((error as Error).message);
        if (Date.now() >= until) throw new Error(`context deadline exceeded: ${(error as Error).message}`);
      }
      await sleep(againMs);
    }
  }

  #keep(member: EtcdMember): EtcdMember {
    if (this.#closed) {
      member.close();
      throw new Error('kube-apiserver is stopping');
    }
    this.#said = '';
    return (this.#member = member);
  }

  /** Each reason once, not ten times a second. */
  #say(why: string): void {
    if (this.#said !== why) this.machine.log(`etcd ${this.files.endpoint}: ${why}`);
    this.#said = why;
  }
}
