import { readFileSync } from 'node:fs';
import { peerOf, Verifier, type Peer } from '../api/peers.js';
import { answer, connectionOf, Serving, tlsOf, type ApiRequest, type ApiResponse } from '../api/serving.js';
import type { Machine, Timings } from '../contracts.js';
import { WatchedFiles } from '../kube/watched-files.js';
import type { KubeletFlags } from './flags.js';

/**
 * The kubelet's port. Before 1.31 its pair is that of its start, and so are the CAs that it names in a handshake; whose
 * clients it accepts it reads again, and decides by request (source: InitializeTLS in cmd/kubelet and its authenticator).
 */
export class KubeletPort {
  readonly #clientCa: WatchedFiles<Verifier>;
  readonly #serving: Serving;
  readonly #peers = new WeakMap<object, { peer: Peer | undefined }>();

  /** @throws Error when a file is missing or cannot be used */
  constructor(
    private readonly machine: Machine,
    private readonly flags: KubeletFlags,
    private readonly timings: Pick<Timings, 'fileReloadMs'>,
  ) {
    const read = (file: string): string => readFileSync(machine.path(file), 'utf8');
    const { certificate, key, clientCa } = flags;
    this.#clientCa = new WatchedFiles(machine, [clientCa], ([pem = '']) => new Verifier(pem));
    const identity = { cert: read(certificate), key: read(key), ca: [read(clientCa)] };
    this.#serving = new Serving(identity, (request, response) => this.#handle(request, response));
  }

  /** @throws Error when the port is taken */
  async open(): Promise<void> {
    await this.#serving.listen(this.machine, this.flags.port);
    this.#clientCa.follow(this.timings.fileReloadMs);
  }

  close(): void {
    this.#clientCa.stop();
    this.#serving.destroy();
  }

  #handle(request: ApiRequest, response: ApiResponse): void {
    response.on('error', () => response.destroy());
    const { method = '', url = '' } = request;
    if (!this.#accepts(request)) answer(response, 401, 'Unauthorized');
    else if (method === 'GET' && url === '/healthz') answer(response, 200, 'ok');
    else {
      this.machine.log(`${method} ${url} is not known to this kubelet`);
      answer(response, 404, `${method} ${url} is not known to this kubelet\n`);
    }
  }

  /** Nobody is anonymous: `--anonymous-auth=false`. */
  #accepts(request: ApiRequest): boolean {
    const connection = connectionOf(request);
    if (!connection) return false;
    const known = this.#peers.get(connection);
    const tls = known ? undefined : tlsOf(request);
    const peer = known ? known.peer : tls && peerOf(tls);
    if (!known) this.#peers.set(connection, { peer });
    return peer !== undefined && this.#clientCa.value.fault(peer) === undefined;
  }
}
