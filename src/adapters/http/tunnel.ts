import { request as requestPlain, type ClientRequest } from 'node:http';
import { request as requestSecure } from 'node:https';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { OpenStream } from './connector.js';
import { proxyFor, type Proxy } from './proxy.js';

const patienceMs = 20_000;

/**
 * Opens streams as `HTTPS_PROXY` and `NO_PROXY` of an environment say: through the proxy by CONNECT, else by TCP. What
 * runs over them (TLS) is verified end to end by whoever uses them.
 */
export function environmentStreams(env: NodeJS.ProcessEnv = process.env): OpenStream {
  return (host, port) => {
    const proxy = proxyFor(host, port, env);
    return proxy === undefined ? openTcp(host, port) : openTunnel(proxy, host, port);
  };
}

function openTcp(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, timeout: patienceMs });
    socket.once('timeout', () => socket.destroy(new Error(`no connection within ${patienceMs / 1000} s`)));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** @throws Error naming the proxy (never its password) when it cannot be reached or opens no tunnel */
function openTunnel(proxy: Proxy, host: string, port: number): Promise<Duplex> {
  const where = `proxy ${proxy.host}:${proxy.port}`;
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    const request = ask(proxy, target);
    request.once('connect', (answer, socket) => {
      if (answer.statusCode === 200) {
        resolve(socket.setNoDelay(true).setTimeout(0));
        return;
      }
      socket.destroy();
      const next = answer.statusCode === 407 ? 'give user and password in HTTPS_PROXY' : 'ask its operator';
      reject(
        new Error(
          `${where}: status ${answer.statusCode ?? 0} for a tunnel to ${target}; ${next}, or set NO_PROXY`,
        ),
      );
    });
    request.once('timeout', () => request.destroy(new Error(`no answer within ${patienceMs / 1000} s`)));
    request.once('error', (error) => reject(new Error(`${where}: ${error.message}`, { cause: error })));
    request.end();
  });
}

function ask(proxy: Proxy, target: string): ClientRequest {
  const { authorization } = proxy;
  return (proxy.secure ? requestSecure : requestPlain)({
    host: proxy.host,
    port: proxy.port,
    method: 'CONNECT',
    path: target,
    agent: false,
    timeout: patienceMs,
    headers: {
      host: target,
      ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
    },
  });
}
