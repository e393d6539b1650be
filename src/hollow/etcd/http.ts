import type { Duplex } from 'node:stream';
import type { Consensus } from './consensus.js';

/** What is told of a member. */
interface Told {
  readonly name: string;
  readonly endpoint: string;
  readonly consensus: Pick<Consensus, 'serves'>;
}

/** What a member answers to plain HTTP: its health, and the list of members that watchdogs ask for. */
export function answerHttp(socket: Duplex, member: Told): void {
  let asked = '';
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => {
    asked += bytes.toString('latin1');
    if (!asked.includes('\r\n\r\n')) return;
    const [, path = ''] = asked.split(' ');
    const { status, body } = answer(path, member);
    socket.end(
      `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  });
}

function answer(path: string, member: Told): { status: string; body: string } {
  const healthy = member.consensus.serves(member.name);
  if (path === '/health')
    return {
      status: healthy ? '200 OK' : '503 Service Unavailable',
      body: JSON.stringify({ health: String(healthy) }),
    };
  if (path === '/v2/machines') return { status: '200 OK', body: member.endpoint };
  return { status: '404 Not Found', body: `404 page not found: ${path}\n` };
}
