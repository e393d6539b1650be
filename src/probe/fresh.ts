import { openConnection, type Endpoint, type Identity } from './endpoint.js';
import type { Exchange, ProbeRequest, Transport } from './exchange.js';
import { exchangeHttp1 } from './http1.js';
import { Turns } from './turns.js';

/** A new connection for every request; nothing is ever sent again. */
export class FreshTransport implements Transport {
  readonly #turns: Turns<Endpoint>;

  constructor(
    endpoints: readonly Endpoint[],
    private identity: Identity,
  ) {
    this.#turns = new Turns(endpoints);
  }

  send(request: ProbeRequest): Exchange {
    return this.#sendTo(this.#turns.next(), request);
  }

  setIdentity(identity: Identity): void {
    this.identity = identity;
  }

  close(): void {
    // Nothing is kept.
  }

  #sendTo(endpoint: Endpoint, request: ProbeRequest): Exchange {
    const identity = this.identity;
    const link = {
      endpoint,
      identity,
      via: `${endpoint.dial}:${endpoint.port}`,
      connect: () => openConnection(endpoint, identity, 'http/1.1'),
      untouched: () => false,
    };
    return exchangeHttp1(request, link, () => this.#sendTo(endpoint, request));
  }
}
