import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, type TLSSocket, connect as connectTls } from 'node:tls';
import type { buildConnector } from 'undici';

/** Opens the stream that TLS runs over; without one it is TCP from here. */
export type OpenStream = (host: string, port: number) => Promise<Duplex>;

/** No connection was made, so nothing of a request was sent. `untrusted`: the server's certificate was refused. */
export class ConnectFailed extends Error {
  override readonly name = 'ConnectFailed';
  constructor(
    override readonly cause: Error,
    readonly untrusted: boolean,
  ) {
    super(cause.message);
  }
}

/**
 * Makes undici's connector: strict TLS (chain and name), over TCP or over any stream.
 * Its errors are always `ConnectFailed`. Sessions are not resumed: each connection verifies the server anew.
 */
export function tlsConnector(
  tls: ConnectionOptions,
  timeoutMs: number,
  open?: OpenStream,
): buildConnector.connector {
  return (target, callback) => {
    const port = target.port === '' ? 443 : Number(target.port);
    openTls(target.hostname, port, tls, timeoutMs, open).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(asConnectFailed(error), null),
    );
  };
}

async function openTls(
  host: string,
  port: number,
  tls: ConnectionOptions,
  timeoutMs: number,
  open: OpenStream | undefined,
): Promise<TLSSocket> {
  const stream = await open?.(host, port);
  // An address is no server name in TLS; Node then verifies the certificate for `host`.
  const name = isIP(host) === 0 ? { servername: host } : {};
  const way = stream === undefined ? { port } : { socket: stream };
  const socket = connectTls({
    ...tls,
    ...name,
    ...way,
    host,
    ALPNProtocols: ['http/1.1'],
    minVersion: 'TLSv1.2',
  });
  socket.setNoDelay(true);
  if (stream !== undefined) tie(socket, stream);
  return established(socket, timeoutMs);
}

/** What ends one ends the other; a foreign stream under TLS does not do that by itself. */
function tie(socket: TLSSocket, stream: Duplex): void {
  socket.once('close', () => stream.destroy());
  stream.on('error', (error) => socket.destroy(error));
  stream.once('close', () => socket.destroy());
}

function established(socket: TLSSocket, timeoutMs: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const onClose = (): void =>
      fail(new Error('the other side closed the connection during the TLS handshake'));
    const timer = setTimeout(
      () => fail(new Error(`no TLS connection within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    socket.on('error', fail);
    socket.once('close', onClose);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', fail).off('close', onClose);
      resolve(socket);
    });
  });
}

function asConnectFailed(error: unknown): ConnectFailed {
  const cause = error instanceof Error ? error : new Error(String(error));
  return new ConnectFailed(
    cause,
    'code' in cause && typeof cause.code === 'string' && isVerification(cause.code),
  );
}

/** Codes of OpenSSL's chain verification and of Node's check of the name. */
function isVerification(code: string): boolean {
  return (
    /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|HOSTNAME_MISMATCH|ERROR_IN_CERT|PATH_LENGTH|ERR_TLS_CERT)/.test(
      code,
    ) || code === 'INVALID_CA'
  );
}
