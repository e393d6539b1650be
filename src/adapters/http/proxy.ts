import { BlockList, isIP } from 'node:net';

/** A proxy that opens tunnels by CONNECT. */
export interface Proxy {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** The value of `Proxy-Authorization`; secret. */
  readonly authorization?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that `HTTPS_PROXY` names for a host, or undefined when there is none or `NO_PROXY` excepts the host.
 * Lower-case names of the variables count too, and first, as in curl. Loopback is never asked for through a proxy.
 * @throws Error when the variable holds no http or https URL; what it holds is not shown, since it may have a password
 */
export function proxyFor(host: string, port: number, env: Environment): Proxy | undefined {
  const value = variable(env, 'https_proxy');
  if (value === '' || isLoopback(host) || isExcepted(host, port, variable(env, 'no_proxy'))) return undefined;
  return parseProxy(value);
}

function variable(env: Environment, name: string): string {
  return (env[name] ?? env[name.toUpperCase()] ?? '').trim();
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Entries are hosts (which except their subdomains too), `.suffix`, `*`, addresses, networks (`10.0.0.0/8`), and `host:port`. */
function isExcepted(host: string, port: number, exceptions: string): boolean {
  const name = host.toLowerCase();
  return exceptions
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      if (entry.includes('/')) return isInNetwork(name, entry);
      const [, pattern = '', only] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
      if (only !== undefined && Number(only) !== port) return false;
      const suffix = pattern.replace(/^\*?\./, '');
      return pattern === '*' || name === suffix || name.endsWith(`.${suffix}`);
    });
}

function isInNetwork(host: string, network: string): boolean {
  const [address = '', prefix = ''] = network.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(prefix)) return false;
  if (Number(prefix) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

function parseProxy(value: string): Proxy {
  let url: URL;
  try {
    url = new URL(value.includes('://') ? value : `http://${value}`);
  } catch {
    throw unusable('no URL');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw unusable(`the scheme ${url.protocol.slice(0, -1)}`);
  const secure = url.protocol === 'https:';
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (secure ? 443 : 80)),
    ...(login === ':' ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
  };
}

function unusable(found: string): Error {
  return new Error(
    `HTTPS_PROXY: found ${found}; expected http://host:port or https://host:port; correct the variable or unset it`,
  );
}
