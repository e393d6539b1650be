import type { Client, ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2';
import { Connection } from './connection.js';
import { connectError } from './connect-error.js';
import type { Login, Target } from './login.js';

/** Unanswered keepalives after which a connection counts as lost. */
const keepaliveCount = 4;

/**
 * Opens one SSH connection. The host's key is decided about during the key exchange, and an unknown one is recorded
 * once the host has proved that it holds it: both before authentication begins.
 * @throws HostKeyError when the key is refused
 * @throws RemoteError (unreachable, authentication, protocol) saying what to do next
 */
export async function connectSsh(target: Target, login: Login): Promise<Connection> {
  // Loaded when it is needed: most commands never open a connection.
  const { default: ssh2 } = await import('ssh2');
  const client = new ssh2.Client();
  try {
    await handshake(client, target, login);
  } catch (error) {
    client.destroy();
    throw connectError(error, target, login);
  }
  return new Connection(client);
}

function handshake(client: Client, target: Target, login: Login): Promise<void> {
  return new Promise((resolve, reject) => {
    let presented: Buffer | undefined;
    // The first reason counts; what ssh2 says afterwards only follows from it. The handler stays, because an error
    // event without one would end the process.
    client.on('error', reject);
    client.on('close', () => reject(new Error('the other side closed the connection during the handshake')));
    client.on('ready', resolve);
    // The protocol's small packets would wait for acknowledgements of each other, 40 ms each time.
    client.once('connect', () => client.setNoDelay(true));
    client.once('handshake', () => {
      if (presented) login.hostKeys.record(target.host, presented);
    });
    const hostVerifier = (key: Buffer): boolean => {
      presented = key;
      try {
        login.hostKeys.decide(target.host, key);
        return true;
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
        return false;
      }
    };
    client.connect({ ...config(target, login), hostVerifier });
  });
}

function config(target: Target, login: Login): ConnectConfig {
  return {
    ...(target.stream ? { sock: target.stream } : { host: target.host.name, port: target.host.port }),
    username: login.username,
    ...identity(login),
    algorithms: { serverHostKey: login.hostKeys.algorithms(target.host) as ServerHostKeyAlgorithm[] },
    readyTimeout: login.connectTimeoutMs,
    keepaliveInterval: login.keepaliveMs,
    keepaliveCountMax: keepaliveCount,
  };
}

/** Exactly one method: ssh2 would begin with "none", which sshd counts as a failed attempt. */
function identity({
  identity: own,
}: Login): Pick<ConnectConfig, 'privateKey' | 'passphrase' | 'agent' | 'password' | 'authHandler'> {
  if ('password' in own) return { password: own.password, authHandler: ['password'] };
  if ('agent' in own) return { agent: own.agent, authHandler: ['agent'] };
  const { text, passphrase } = own.key;
  return {
    privateKey: text,
    ...(passphrase === undefined ? {} : { passphrase }),
    authHandler: ['publickey'],
  };
}
