import { readFileSync } from 'node:fs';
import type { Machine } from '../contracts.js';
import { TlsPort } from '../tls/tls-port.js';
import type { KubeletFlags } from './flags.js';

/**
 * The kubelet's port: before 1.31 both its pair and the CA of its clients are what they were at its start. Whoever is
 * verified gets an answer that says what this stand-in does not know.
 */
export function kubeletPort(machine: Machine, flags: KubeletFlags): TlsPort {
  const { port, certificate, key, clientCa } = flags;
  return new TlsPort({
    machine,
    port,
    pair: { certificate, key, reload: false },
    ca: readFileSync(machine.path(clientCa), 'utf8'),
    protocols: [],
    onClient: (socket) => {
      socket.once('data', (asked: Buffer) => {
        const [line = ''] = asked.toString('latin1').split('\r\n');
        const [, path = ''] = line.split(' ');
        const ok = path === '/healthz';
        const body = ok ? 'ok' : `${line} is not known to this kubelet\n`;
        if (!ok) machine.log(body.trim());
        socket.end(
          `HTTP/1.1 ${ok ? '200 OK' : '404 Not Found'}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        );
      });
    },
  });
}
