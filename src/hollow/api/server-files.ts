import { readFileSync } from 'node:fs';
import type { KeyObject } from 'node:crypto';
import { parseCertificates } from '../../pki/index.js';
import type { Machine } from '../contracts.js';
import { WatchedFiles } from '../kube/watched-files.js';
import type { Flags } from '../kube/flags.js';
import type { FrontProxyPair } from './aggregate.js';
import type { ClientTrust } from './authenticate.js';
import { Verifier } from './peers.js';
import { clientContext } from '../tls/client-side.js';
import { publicKeysIn } from '../kube/tokens.js';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/**
 * The files that one kube-apiserver reads. Those of TLS and of client CAs are read again while it runs; the CA of etcd and
 * the service-account keys are not, in any released version.
 */
export class ServerFiles {
  readonly serving: WatchedFiles<Pair>;
  readonly clientCa: WatchedFiles<string>;
  readonly requestheaderCa: WatchedFiles<string> | undefined;
  readonly frontProxy: WatchedFiles<FrontProxyPair> | undefined;
  readonly etcdCa: string;
  readonly signingKey: string;
  readonly verifyKeys: readonly KeyObject[];
  #trust: ClientTrust;
  /** Called when the serving pair or the CAs that the handshake names have changed. */
  onChange: () => void = () => undefined;

  /** @throws Error naming the file that is missing or cannot be used */
  constructor(machine: Machine, flags: Flags) {
    const text = (flag: string): string => readFileSync(machine.path(flags.one(flag)), 'utf8');
    const pair = (cert: string, key: string): WatchedFiles<Pair> =>
      new WatchedFiles(machine, [flags.one(cert), flags.one(key)], asPair);
    const authorities = (flag: string): WatchedFiles<string> =>
      new WatchedFiles(machine, [flags.one(flag)], ([pem = '']) => checked(pem, flags.one(flag)));
    this.serving = pair('tls-cert-file', 'tls-private-key-file');
    this.clientCa = authorities('client-ca-file');
    const proxies = flags.optional('requestheader-client-ca-file') !== undefined;
    this.requestheaderCa = proxies ? authorities('requestheader-client-ca-file') : undefined;
    this.frontProxy =
      flags.optional('proxy-client-cert-file') === undefined
        ? undefined
        : pair('proxy-client-cert-file', 'proxy-client-key-file');
    this.etcdCa = text('etcd-cafile');
    this.signingKey = text('service-account-signing-key-file');
    this.verifyKeys = flags
      .all('service-account-key-file')
      .flatMap((file) => publicKeysIn(readFileSync(machine.path(file), 'utf8'), file));
    if (this.verifyKeys.length === 0) throw new Error('flag --service-account-key-file is missing');
    this.#trust = this.#trustNow();
  }

  get trust(): ClientTrust {
    return this.#trust;
  }

  /** Looks at all of them every `periodMs`. */
  follow(periodMs: number): void {
    this.serving.onChange = () => this.onChange();
    for (const authority of [this.clientCa, this.requestheaderCa])
      if (authority) authority.onChange = () => this.#trustChanged();
    for (const file of this.#watched) file.follow(periodMs);
  }

  stop(): void {
    for (const file of this.#watched) file.stop();
  }

  get #watched(): Pick<WatchedFiles<never>, 'follow' | 'stop'>[] {
    const all = [this.serving, this.clientCa, this.requestheaderCa, this.frontProxy];
    return all.filter((file) => file !== undefined);
  }

  #trustChanged(): void {
    this.#trust = this.#trustNow();
    this.onChange();
  }

  #trustNow(): ClientTrust {
    const proxies = this.requestheaderCa?.value;
    return {
      clients: new Verifier(this.clientCa.value),
      frontProxies: proxies === undefined ? undefined : new Verifier(proxies),
    };
  }
}

/** @throws Error when key and certificate do not belong together */
function asPair([cert = '', key = '']: readonly string[]): Pair {
  clientContext({ cert, key });
  return { cert, key };
}

function checked(pem: string, file: string): string {
  parseCertificates(pem, file);
  return pem;
}
