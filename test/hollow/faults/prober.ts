import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { HollowCluster } from '../../../src/hollow/index.js';
import { journalIn, rotationsIn } from './place.js';

const everyMs = 200;
const patienceMs = 5_000;
const certs = '/etc/kubernetes/certs';

interface Identity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * A strict client that outlives keyroll: a new connection through the load balancer for each request, no second try. It
 * is the admin of before, who trusts the old CA alone, until the journal says that `refresh` has ended; then the new one,
 * who trusts the new CA alone; on the way back the old one again.
 */
export class Prober {
  requests = 0;
  readonly failures: string[] = [];
  readonly #cluster: HollowCluster;
  readonly #state: () => string;
  readonly #timer: NodeJS.Timeout;
  readonly #pending = new Set<Promise<void>>();
  #old: Identity;
  /** Whom it was last: a folder that is lost says nothing, and changes nobody's trust. */
  #last: Identity;

  /** @param state the folder of rotations that counts at the moment */
  constructor(cluster: HollowCluster, state: () => string) {
    this.#cluster = cluster;
    this.#state = state;
    this.#old = this.#present();
    this.#last = this.#old;
    this.#timer = setInterval(() => {
      const one = this.#ask();
      this.#pending.add(one);
      void one.finally(() => this.#pending.delete(one));
    }, everyMs);
  }

  /** What lies on the first master now is the old side of the next rotation. */
  reread(): void {
    this.#old = this.#present();
    this.#last = this.#old;
  }

  /** No other request begins; those under way end. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }

  async #ask(): Promise<void> {
    this.requests += 1;
    const { balancer, apiPort } = this.#cluster.plan;
    const url = `https://${balancer}:${apiPort}/api/v1/namespaces/default`;
    const identity = this.#identity();
    const answer = await new Promise<number | string>((resolve) => {
      const asked = request(url, { ...identity, agent: false, timeout: patienceMs }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
        response.on('error', (error) => resolve(error.message));
      });
      asked.on('timeout', () => asked.destroy(new Error(`no answer in ${patienceMs} ms`)));
      asked.on('error', (error) => resolve(error.message));
      asked.end();
    });
    if (answer !== 200) this.failures.push(`${new Date().toISOString()} ${answer}`);
  }

  #present(): Identity {
    const read = (name: string): string =>
      readFileSync(this.#cluster.machines[0]?.node.path(`${certs}/${name}`) ?? '', 'utf8');
    return { ca: read('ca.crt'), cert: read('client.crt'), key: read('client.key') };
  }

  #identity(): Identity {
    const state = this.#state();
    const keys = join(state, rotationsIn(state).at(-1) ?? '', 'keys');
    const journal = journalIn(state);
    if (journal.length === 0 || !existsSync(keys)) return this.#last;
    const isNew =
      journal.some(({ type, id }) => type === 'phase' && id === 'refresh') &&
      !journal.some(({ type }) => type === 'rollback');
    const read = (name: string): string => readFileSync(join(keys, name), 'utf8');
    this.#last = isNew
      ? { ca: read('ca.crt'), cert: read('kubectlClient.crt'), key: read('kubectlClient.key') }
      : this.#old;
    return this.#last;
  }
}
