import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostNetwork } from './host-network.js';
import { Network } from './network.js';
import { RuleError } from './rule.js';

let network: Network<HostNetwork>;
let a: HostNetwork;
let b: HostNetwork;
let c: HostNetwork;
const sockets: Socket[] = [];

beforeEach(() => {
  network = new Network();
  a = new HostNetwork('127.9.0.1', network);
  b = new HostNetwork('127.9.0.2', network);
  c = new HostNetwork('127.9.0.3', network);
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  a.cut();
  b.cut();
  c.cut();
  network.close();
});

/** Answers each line with the machine's address and the line. */
async function echoes(host: HostNetwork, port: number): Promise<void> {
  await host.listen(host.address, port, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => socket.write(`${host.address} ${bytes.toString()}`));
  });
}

async function dial(from: HostNetwork, host: string, port: number): Promise<Socket> {
  const socket = await from.dial(from.address, host, port);
  sockets.push(socket);
  return socket;
}

async function said(socket: Socket, word: string): Promise<string> {
  socket.write(word);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes.toString();
}

const hold = [
  '-p',
  'tcp',
  '--dport',
  '6443',
  '-m',
  'addrtype',
  '--dst-type',
  'LOCAL',
  '!',
  '-d',
  '127.0.0.0/8',
  '-j',
  'DROP',
];
const redirect = (target: string): string =>
  [
    '*nat',
    ':KEYROLL - [0:0]',
    `-A KEYROLL -p tcp -j DNAT --to-destination ${target}:6443`,
    '-I PREROUTING 1 ! -i lo -p tcp -m multiport --dports 6443,4443 -m addrtype --dst-type LOCAL -j KEYROLL',
    '-I OUTPUT 1 -p tcp -d 127.9.0.1 -m multiport --dports 6443,4443 -j KEYROLL',
    `-I POSTROUTING 1 -p tcp -d ${target} --dport 6443 -m conntrack --ctstate DNAT -j MASQUERADE`,
    'COMMIT',
    '',
  ].join('\n');

describe('a machine in the hollow network', () => {
  it('is reached from others and from itself, and refuses where nothing listens', async () => {
    await echoes(b, 6443);
    expect(await said(await dial(a, b.address, 6443), 'x')).toBe('127.9.0.2 x');
    expect(await said(await dial(b, b.address, 6443), 'x')).toBe('127.9.0.2 x');
    expect(await said(await dial(b, '127.0.0.1', 6443), 'x')).toBe('127.9.0.2 x');
    await expect(dial(a, '127.0.0.1', 6443)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(dial(a, b.address, 1)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(dial(a, '127.9.0.9', 1)).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
    await expect(b.listen(b.address, 6443, () => undefined)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('keeps back what arrives on kept connections while its packet filter drops, and not on 127.0.0.1', async () => {
    await echoes(b, 6443);
    const [kept, local] = [await dial(a, b.address, 6443), await dial(b, '127.0.0.1', 6443)];
    await said(kept, 'before');
    b.filter.apply('filter', ['-I', 'INPUT', ...hold]);
    expect(await said(local, 'x')).toBe('127.9.0.2 x');
    let answered = false;
    const answer = said(kept, 'held').then((text) => {
      answered = true;
      return text;
    });
    // A round trip on another connection: what was sent has arrived by now.
    await said(local, 'y');
    expect(answered).toBe(false);
    b.filter.apply('filter', ['-D', 'INPUT', ...hold]);
    expect(await answer).toBe('127.9.0.2 held');
  });

  it('answers a held request with the end of the connection when its program has ended meanwhile', async () => {
    await echoes(b, 6443);
    const kept = await dial(a, b.address, 6443);
    await said(kept, 'before');
    b.filter.apply('filter', ['-I', 'INPUT', ...hold]);
    kept.write('held');
    const closed = once(kept, 'close').catch(() => 'reset');
    for (const socket of sockets.filter((each) => each !== kept)) socket.destroy();
    await closed;
    expect(kept.bytesRead).toBe('127.9.0.2 before'.length);
  });

  it('takes new connections in again when TCP sends its first packet again', async () => {
    await echoes(b, 6443);
    b.filter.apply('filter', ['-I', 'INPUT', ...hold]);
    const begun = Date.now();
    const dialling = dial(a, b.address, 6443);
    b.filter.apply('filter', ['-D', 'INPUT', ...hold]);
    expect(await said(await dialling, 'x')).toBe('127.9.0.2 x');
    // The second packet comes 1 s after the first, never before.
    expect(Date.now() - begun).toBeGreaterThanOrEqual(990);
  });

  it('leads new connections elsewhere by DNAT, its own too, and leaves kept ones', async () => {
    await Promise.all([echoes(a, 6443), echoes(b, 6443)]);
    const kept = await dial(b, a.address, 6443);
    await said(kept, 'x');
    a.filter.restore(redirect(b.address));
    expect(await said(kept, 'x')).toBe('127.9.0.1 x');
    expect(await said(await dial(b, a.address, 6443), 'x')).toBe('127.9.0.2 x');
    expect(await said(await dial(b, a.address, 4443), 'x')).toBe('127.9.0.2 x');
    expect(await said(await dial(a, a.address, 6443), 'x')).toBe('127.9.0.2 x');
    expect(await said(await dial(a, '127.0.0.1', 6443), 'x')).toBe('127.9.0.1 x');
  });

  it('leads a Service on to an endpoint', async () => {
    await echoes(b, 6443);
    a.services.set('127.9.250.1:443', () => ({ address: b.address, port: 6443 }));
    expect(await said(await dial(a, '127.9.250.1', 443), 'x')).toBe('127.9.0.2 x');
    await expect(dial(b, '127.9.250.1', 443)).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
  });
});

describe('connections that go through a machine', () => {
  const forward = (verdict: string[]): string[] => [
    ...['-p', 'tcp', '-d', '127.9.0.2', '--dport', '6443', '-m', 'conntrack', '--ctstate', 'DNAT'],
    ...['--ctorigdst', '127.9.0.1', '-j', ...verdict],
  ];
  const reset = forward(['REJECT', '--reject-with', 'tcp-reset']);
  /** From c through a to b, and straight to b. */
  async function two(): Promise<{ through: Socket; straight: Socket }> {
    await echoes(b, 6443);
    a.filter.restore(redirect(b.address));
    const [through, straight] = [await dial(c, a.address, 6443), await dial(c, b.address, 6443)];
    expect(await said(through, 'x')).toBe('127.9.0.2 x');
    return { through, straight };
  }
  const closes = async (socket: Socket): Promise<string> => {
    let why = 'end';
    socket.on('error', ({ code }: NodeJS.ErrnoException) => (why = code ?? ''));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('y');
    await closed;
    return why;
  };

  it('are held and reset by its rules, those that go elsewhere are not', async () => {
    const { through, straight } = await two();
    a.filter.apply('filter', ['-I', 'FORWARD', '1', ...forward(['DROP'])]);
    through.write('held');
    expect(await said(straight, 'x')).toBe('127.9.0.2 x');
    const before = through.bytesRead;
    a.filter.apply('filter', ['-I', 'FORWARD', '1', ...reset]);
    a.filter.apply('filter', ['-D', 'FORWARD', ...forward(['DROP'])]);
    expect(await closes(through)).toBe('ECONNRESET');
    expect(through.bytesRead).toBe(before);
    expect(await said(straight, 'x')).toBe('127.9.0.2 x');
    await expect(dial(c, a.address, 6443)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('are held where they end, also when they come from a pod of that machine', async () => {
    await echoes(a, 6443);
    b.filter.restore(redirect(a.address));
    a.addPod('127.9.1.1');
    const kept = await a.dial('127.9.1.1', b.address, 6443);
    sockets.push(kept);
    expect(await said(kept, 'x')).toBe('127.9.0.1 x');
    a.filter.apply('filter', ['-I', 'INPUT', ...hold]);
    const before = kept.bytesRead;
    kept.write('held');
    // Round trips on other connections of three pairs of sockets each, as this one's: what was let through has been answered.
    for (let times = 0; times < 20; times += 1)
      expect(await said(await dial(a, '127.0.0.1', 6443), 'y')).toBe('127.9.0.1 y');
    expect(kept.bytesRead).toBe(before);
  });

  it('are lost without a word when it loses its power, and reset when it is back', async () => {
    const { through, straight } = await two();
    a.cut();
    through.write('nobody hears it');
    expect(await said(straight, 'x')).toBe('127.9.0.2 x');
    expect(through.closed).toBe(false);
    a.up();
    expect(await closes(through)).toBe('ECONNRESET');
  });
});

describe('the packet filter', () => {
  it('counts what its rules match, and not what it only looks at', async () => {
    const probe = ['-p', 'tcp', '-s', '168.63.129.16', '-m', 'multiport', '--dports', '6443,4443'];
    await echoes(a, 6443);
    expect(a.reaches('168.63.129.16', 6443)).toBe(true);
    a.filter.apply('filter', ['-I', 'INPUT', '1', ...probe, '-j', 'REJECT', '--reject-with', 'tcp-reset']);
    for (let times = 0; times < 3; times += 1) expect(a.reaches('168.63.129.16', 6443)).toBe(false);
    expect(await said(await dial(b, a.address, 6443), 'x')).toBe('127.9.0.1 x');
    const [line = ''] = a.filter.counts('filter', 'INPUT');
    const [packets, , target, , , , , source] = line.split(' ');
    expect([packets, target, source]).toEqual(['3', 'REJECT', '168.63.129.16']);
  });

  it('deletes the rule that was added, once, and says what it does not know', () => {
    a.filter.apply('filter', ['-I', 'INPUT', ...hold]);
    expect(a.filter.has('filter', ['INPUT', ...hold])).toBe(true);
    a.filter.apply('filter', ['-D', 'INPUT', ...hold]);
    expect(a.filter.has('filter', ['INPUT', ...hold])).toBe(false);
    expect(() => a.filter.apply('filter', ['-D', 'INPUT', ...hold])).toThrow('Bad rule');
    expect(() => a.filter.apply('filter', ['-A', 'INPUT', '-p', 'udp', '-j', 'DROP'])).toThrow(RuleError);
    expect(() => a.filter.apply('filter', ['-A', 'INPUT', '--tos', '1', '-j', 'DROP'])).toThrow('--tos');
    expect(() => a.filter.apply('raw', ['-A', 'PREROUTING', '-j', 'DROP'])).toThrow('raw');
  });

  it('changes a table as a whole or not at all', () => {
    expect(() => a.filter.restore('*nat\n:X - [0:0]\n-A X -j NONSENSE\nCOMMIT\n')).toThrow('line 3');
    expect(a.filter.list('nat')).toEqual([]);
    a.filter.restore(redirect(b.address));
    expect(a.filter.list('nat')).toHaveLength(4);
    expect(() => a.filter.apply('nat', ['-X', 'KEYROLL'])).toThrow('not empty');
  });
});
