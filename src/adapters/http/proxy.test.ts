import { describe, expect, it } from 'vitest';
import { proxyFor } from './proxy.js';

const to = (host: string, env: Record<string, string>, port = 443): string => {
  const proxy = proxyFor(host, port, env);
  return proxy === undefined ? 'direct' : `${proxy.secure ? 'https' : 'http'} ${proxy.host}:${proxy.port}`;
};

describe('the proxy for a host', () => {
  it('is that of HTTPS_PROXY, in either case of the name', () => {
    expect(to('a.test', {})).toBe('direct');
    expect(to('a.test', { HTTPS_PROXY: 'http://proxy:3128' })).toBe('http proxy:3128');
    expect(to('a.test', { https_proxy: 'proxy.test' })).toBe('http proxy.test:80');
    expect(to('a.test', { HTTPS_PROXY: 'https://[fd00::1]' })).toBe('https fd00::1:443');
  });

  it('is none for what NO_PROXY excepts, and for loopback', () => {
    const env = { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: 'a.test, .b.test,10.0.0.4,c.test:8443' };
    expect(
      ['a.test', 'x.a.test', 'B.test', 'x.b.test', '10.0.0.4', 'localhost', '127.0.0.9'].map((host) =>
        to(host, env),
      ),
    ).toEqual(Array.from({ length: 7 }, () => 'direct'));
    expect(to('xa.test', env)).toBe('http proxy:3128');
    expect(to('c.test', env)).toBe('http proxy:3128');
    expect(to('c.test', env, 8443)).toBe('direct');
    expect(to('a.test', { HTTPS_PROXY: 'http://proxy', NO_PROXY: '*' })).toBe('direct');
  });

  it('is none for addresses of a network in NO_PROXY', () => {
    const env = { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: '10.240.0.0/12,fd00::/8,a.test/8,10.0.0.0/99' };
    expect([to('10.255.0.4', env), to('fd12::1', env)]).toEqual(['direct', 'direct']);
    expect([to('10.0.0.4', env), to('fe80::1', env), to('a.test', env)]).toEqual(
      Array.from({ length: 3 }, () => 'http proxy:3128'),
    );
  });

  it('has its password in a header, and never in an error', () => {
    expect(proxyFor('a.test', 443, { HTTPS_PROXY: 'http://u:p%40w@proxy' })?.authorization).toBe(
      `Basic ${Buffer.from('u:p@w').toString('base64')}`,
    );
    const wrong = (): unknown => proxyFor('a.test', 443, { HTTPS_PROXY: 'socks5://u:hidden@proxy' });
    expect(wrong).toThrow('HTTPS_PROXY: found the scheme socks5; expected http://host:port');
    expect(wrong).not.toThrow('hidden');
  });
});
