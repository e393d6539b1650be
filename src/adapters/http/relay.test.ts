import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRelay } from './relay.js';

let echo: Server;
let port: number;
beforeAll(async () => {
  echo = createServer((socket) => socket.pipe(socket));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  port = (echo.address() as AddressInfo).port;
});
afterAll(() => void echo.close());

describe('openRelay', () => {
  it('carries bytes both ways, and the end of one end to the other', async () => {
    const relay = await openRelay(() => Promise.resolve(connect(port, '127.0.0.1')));
    const socket = connect(relay.port, relay.host);
    socket.write('ping');
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString()).toBe('ping');
    socket.end();
    await once(socket, 'close');
    await relay.close();
  });
  it('closes a connection whose way cannot be opened, and all when it is closed', async () => {
    const broken = await openRelay(() => Promise.reject(new Error('no way')));
    const refused = connect(broken.port, broken.host);
    refused.on('error', () => undefined);
    await once(refused, 'close');
    await broken.close();
    const relay = await openRelay(() => Promise.resolve(connect(port, '127.0.0.1')));
    const open = connect(relay.port, relay.host);
    open.on('error', () => undefined);
    open.write('x');
    await once(open, 'data');
    const closed = once(open, 'close');
    await relay.close();
    await closed;
  });
});
