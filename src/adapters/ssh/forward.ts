import type { Duplex } from 'node:stream';
import { NotSent, Refused } from './connection.js';
import { RemoteError } from './error.js';
import type { Link } from './link.js';

/** Who makes the connection, for messages: `node N` or `jump host H`, and its bare name. */
interface Origin {
  readonly label: string;
  readonly name: string;
}

interface Destination {
  readonly host: string;
  readonly port: number;
}

/** A TCP connection from a link's other side. @throws RemoteError naming both ends, the reason and what to check */
export async function forwardFrom(
  from: Origin,
  link: Link,
  to: Destination,
  timeoutMs: number,
): Promise<Duplex> {
  try {
    return await link.use((connection) => connection.forward(to.host, to.port, timeoutMs));
  } catch (cause) {
    if (!(cause instanceof NotSent || cause instanceof Refused)) throw cause;
    const what = `no connection from there to ${to.host} port ${to.port} (${cause.message})`;
    throw new RemoteError('unreachable', `${from.label}: ${what}; ${hint(cause.message)}`, {
      node: from.name,
      cause,
    });
  }
}

function hint(reason: string): string {
  return /prohibited/i.test(reason)
    ? 'its sshd must allow TCP forwarding (AllowTcpForwarding yes)'
    : 'check that the address is right, that the machine runs and that something listens there';
}
