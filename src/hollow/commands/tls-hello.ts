import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';

/** What a server sends before it has seen anything of the client: its chain, and whose clients it accepts. */
export interface ServerHello {
  /** DER, leaf first. */
  readonly chain: readonly Buffer[];
  /** Distinguished names in DER; undefined when the server asks for no client certificate. */
  readonly authorities: readonly Buffer[] | undefined;
}

const recordType = { alert: 21, handshake: 22 } as const;
const message = { certificate: 11, certificateRequest: 13, helloDone: 14 } as const;

/**
 * Begins a TLS 1.2 handshake and reads the server's part of it, which is not encrypted in that version; then closes. Node's own
 * TLS does not tell the names of the authorities.
 * @throws Error with the alert's number, or when the server closes before it has said all
 */
export function readServerHello(socket: Socket, host: string): Promise<ServerHello> {
  return new Promise((resolve, reject) => {
    const reader = new Reader();
    const fail = (why: string): void => reject(new Error(why));
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('unexpected eof while reading'));
    socket.on('data', (bytes: Buffer) => {
      try {
        const hello = reader.read(bytes);
        if (!hello) return;
        resolve(hello);
        socket.destroy();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
        socket.destroy();
      }
    });
    socket.write(clientHello(host));
  });
}

class Reader {
  #records = Buffer.alloc(0);
  #messages = Buffer.alloc(0);
  #chain: Buffer[] = [];
  #authorities: Buffer[] | undefined;

  read(bytes: Buffer): ServerHello | undefined {
    this.#records = Buffer.concat([this.#records, bytes]);
    for (;;) {
      const length = this.#records.length < 5 ? Infinity : this.#records.readUInt16BE(3);
      if (this.#records.length < 5 + length) return undefined;
      const [type, body] = [this.#records[0], this.#records.subarray(5, 5 + length)];
      this.#records = this.#records.subarray(5 + length);
      if (type === recordType.alert) throw new Error(`SSL alert number ${body[1] ?? 0}`);
      if (type !== recordType.handshake) throw new Error(`wrong version number (record type ${type ?? 0})`);
      this.#messages = Buffer.concat([this.#messages, body]);
      if (this.#readMessages()) return { chain: this.#chain, authorities: this.#authorities };
    }
  }

  /** True when the server has said all. */
  #readMessages(): boolean {
    for (;;) {
      const length = this.#messages.length < 4 ? Infinity : this.#messages.readUIntBE(1, 3);
      if (this.#messages.length < 4 + length) return false;
      const [type, body] = [this.#messages[0], this.#messages.subarray(4, 4 + length)];
      this.#messages = this.#messages.subarray(4 + length);
      if (type === message.certificate) this.#chain = parts(body.subarray(3), 3);
      if (type === message.certificateRequest) this.#authorities = authoritiesOf(body);
      if (type === message.helloDone) return true;
    }
  }
}

/** Certificate types, signature algorithms, then the names. */
function authoritiesOf(body: Buffer): Buffer[] {
  const afterTypes = 1 + (body[0] ?? 0);
  const afterAlgorithms = afterTypes + 2 + body.readUInt16BE(afterTypes);
  return parts(body.subarray(afterAlgorithms + 2), 2);
}

/** A list of byte strings, each behind its length of `size` bytes. */
function parts(bytes: Buffer, size: number): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUIntBE(at, size);
    found.push(bytes.subarray(at + size, at + size + length));
    at += size + length;
  }
  return found;
}

const uint16 = (...values: number[]): Buffer =>
  Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
const sized = (size: number, body: Buffer): Buffer => {
  const length = Buffer.alloc(size);
  length.writeUIntBE(body.length, 0, size);
  return Buffer.concat([length, body]);
};
const extension = (type: number, body: Buffer): Buffer => Buffer.concat([uint16(type), sized(2, body)]);

/** ECDHE with AES-GCM or ChaCha20, for ECDSA and RSA keys. */
const cipherSuites = uint16(0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8);
const groups = uint16(29, 23, 24, 25);
const signatures = uint16(0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601);

function clientHello(host: string): Buffer {
  const isName = !/^[\d.]+$/.test(host);
  const serverName = sized(2, Buffer.concat([Buffer.from([0]), sized(2, Buffer.from(host))]));
  const extensions = Buffer.concat([
    ...(isName ? [extension(0, serverName)] : []),
    extension(10, sized(2, groups)),
    extension(11, sized(1, Buffer.from([0]))),
    extension(13, sized(2, signatures)),
    extension(23, Buffer.alloc(0)),
  ]);
  const body = Buffer.concat([
    uint16(0x0303),
    randomBytes(32),
    sized(1, Buffer.alloc(0)),
    sized(2, cipherSuites),
    sized(1, Buffer.from([0])),
    sized(2, extensions),
  ]);
  const hello = Buffer.concat([Buffer.from([1]), sized(3, body)]);
  return Buffer.concat([Buffer.from([recordType.handshake]), uint16(0x0301), sized(2, hello)]);
}
