import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { HollowNode } from '../node/node.js';
import { openTls } from '../tls/client-side.js';
import { NotKnownError, readOptions, type Answer, type Call } from './command.js';

const values = [
  '-m',
  '--max-time',
  '-o',
  '--output',
  '-w',
  '--write-out',
  '-H',
  '--header',
  '--cert',
  '--key',
  '--cacert',
];
const flags = ['-s', '--silent', '-k', '--insecure', '-f', '--fail', '-S', '--show-error'];

/** `curl`: one GET over HTTP/1.1. Exit codes as curl's: 7 not connected, 22 an HTTP error with -f, 28 too late, 35 TLS, 58, 60. */
export async function curl({ node, args }: Call): Promise<Answer> {
  const options = readOptions('curl', args, { flags, values });
  const value = (...names: string[]): string | undefined =>
    names.flatMap((name) => options.values.get(name) ?? [])[0];
  const [url] = options.rest;
  const output = value('-o', '--output');
  if (url === undefined || options.rest.length > 1 || (output ?? '/dev/null') !== '/dev/null')
    throw new NotKnownError(`curl: expected one URL and no file to write to (asked: curl ${args.join(' ')})`);
  const format = value('-w', '--write-out') ?? '';
  try {
    const { status, body } = await get(node, {
      url: new URL(url),
      timeoutMs: Number(value('-m', '--max-time') ?? 60) * 1000,
      headers: headersOf([...(options.values.get('-H') ?? []), ...(options.values.get('--header') ?? [])]),
      insecure: options.flags.has('-k') || options.flags.has('--insecure'),
      ca: read(value('--cacert')),
      certificate: read(value('--cert')),
      key: read(value('--key')),
    });
    const fails = status >= 400 && (options.flags.has('-f') || options.flags.has('--fail'));
    return { code: fails ? 22 : 0, out: `${output === undefined ? body : ''}${written(format, status)}` };
  } catch (error) {
    return { code: exitCode(error), out: written(format, 0) };
  }
}

/** What `-w` adds behind the answer. */
function written(format: string, status: number): string {
  return format.replaceAll('%{http_code}', String(status).padStart(3, '0')).replaceAll('\\n', '\n');
}

function headersOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2) as [string, string]));
}

function read(file: string | undefined): string | undefined {
  return file === undefined ? undefined : readFileSync(file, 'utf8');
}

interface Request {
  readonly url: URL;
  readonly timeoutMs: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly insecure?: boolean;
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** One GET from a machine, on a connection of its own. @throws Error as Node's, or with code `TIMEOUT` */
export async function get(
  node: Pick<HollowNode, 'dial'>,
  asked: Request,
): Promise<{ status: number; body: string }> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(Object.assign(new Error('no answer in time'), { code: 'TIMEOUT' })),
    asked.timeoutMs,
  );
  try {
    const { url } = asked;
    const secure = url.protocol === 'https:';
    const dialling = node.dial(url.hostname, Number(url.port || (secure ? 443 : 80)));
    const plain = await orLate(
      dialling.then((socket) => endedBy(late.signal, socket)),
      late.signal,
    );
    const socket = secure ? await orLate(encrypted(plain, asked), late.signal) : plain;
    return await orLate(exchange(socket, secure, asked), late.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** A connection that comes too late ends as well. */
function endedBy(late: AbortSignal, socket: Socket): Socket {
  if (late.aborted) socket.destroy();
  else late.addEventListener('abort', () => socket.destroy(), { once: true });
  return socket;
}

function orLate<T>(work: Promise<T>, late: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    late.addEventListener('abort', () => reject(late.reason as Error), { once: true });
    work.then(resolve, reject);
  });
}

function encrypted(plain: Socket, { url, insecure, ca, certificate, key }: Request): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = openTls(plain, {
      host: url.hostname,
      insecure: insecure === true,
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { cert: certificate, key: key ?? certificate }),
    });
    socket.once('secureConnect', () => resolve(socket));
    socket.on('error', (error: NodeJS.ErrnoException) => reject(Object.assign(error, { tls: true })));
    socket.once('close', () => reject(Object.assign(new Error('closed in the handshake'), { tls: true })));
  });
}

function exchange(
  socket: Socket,
  secure: boolean,
  { url, headers = {} }: Request,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      createConnection: () => socket,
      host: url.hostname,
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, Connection: 'close' },
    };
    const answered = (answer: IncomingMessage): void => {
      const parts: Buffer[] = [];
      answer.on('data', (bytes: Buffer) => parts.push(bytes));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString() }),
      );
    };
    (secure ? httpsRequest : httpRequest)(options, answered).on('error', reject).end();
  });
}

function exitCode(error: unknown): number {
  const { code = '', tls } = error as NodeJS.ErrnoException & { tls?: boolean };
  if (code === 'TIMEOUT' || code === 'ETIMEDOUT') return 28;
  if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH') return 7;
  if (/CERT|SIGNATURE|ALTNAME/.test(code)) return 60;
  return tls === true ? 35 : 56;
}
