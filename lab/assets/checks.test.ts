import { describe, expect, it } from 'vitest';
import { isDebianLike, parseOsRelease } from './checkhost.js';
import { lacking, parseCgroups, parseKernelConfig } from './checkkernel.js';
import { parseMemory } from './checkspace.js';
import { parseInstalled } from './hostpackages.js';
import type { Check } from './check.js';
import { printPreflight } from './preflight.js';

describe('os-release', () => {
  it('knows Debian and what is made from it', () => {
    expect(isDebianLike(parseOsRelease('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'))).toBe(
      true,
    );
    expect(isDebianLike(parseOsRelease('ID=mint\nID_LIKE="ubuntu debian"\n'))).toBe(true);
    expect(isDebianLike(parseOsRelease("ID='fedora'\n"))).toBe(false);
    expect(isDebianLike({})).toBe(false);
  });
});

describe('kernel configuration', () => {
  const config = parseKernelConfig(
    'CONFIG_VETH=m\nCONFIG_BRIDGE=y\n# CONFIG_NF_NAT is not set\nCONFIG_HZ=250\n',
  );
  const wanted = { VETH: 'veth', BRIDGE: 'bridge', NF_NAT: 'address translation' };

  it('counts a module only where modules are installed', () => {
    expect(lacking(config, wanted, true)).toEqual(['address translation']);
    expect(lacking(config, wanted, false)).toEqual(['veth', 'address translation']);
  });
});

describe('cgroups', () => {
  const mounts =
    'tmpfs /sys/fs/cgroup tmpfs rw 0 0\n' +
    'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\n' +
    'cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n' +
    'cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n';

  it('reads version 1 from the mounts', () => {
    expect(parseCgroups(mounts, undefined)).toEqual({ version: 1, lacking: ['pids'] });
  });

  it('reads version 2 from its list of controllers', () => {
    expect(parseCgroups(mounts, 'cpuset cpu io memory pids\n')).toEqual({ version: 2, lacking: [] });
    expect(parseCgroups('', '\n')).toEqual({ version: 2, lacking: ['cpu', 'memory', 'pids'] });
  });
});

describe('memory', () => {
  it('is read in bytes, 0 where it is not told', () => {
    expect(parseMemory('MemTotal:       24684092 kB\nMemAvailable:    1024 kB\n')).toEqual({
      total: 24684092 * 1024,
      available: 1048576,
    });
    expect(parseMemory('')).toEqual({ total: 0, available: 0 });
  });
});

describe('installed packages', () => {
  it('leaves out what was removed but kept its configuration, and reads names with an architecture', () => {
    expect([...parseInstalled('curl installed\nlibc6:amd64 installed\nhaproxy config-files\n')]).toEqual([
      'curl',
      'libc6',
    ]);
  });
});

describe('printPreflight', () => {
  const good: Check = { name: 'root', ok: true, found: 'user id 0', expected: 'user id 0', fix: 'none' };
  const bad: Check = {
    name: 'memory',
    ok: false,
    found: '2 GB',
    expected: '8 GB',
    fix: 'use a larger machine',
  };
  const print = (checks: readonly Check[]): [boolean, string] => {
    let text = '';
    return [printPreflight(checks, (piece) => (text += piece)), text];
  };

  it('prints one line for what is well', () => {
    expect(print([good])).toEqual([true, '  ✓ root  user id 0\n']);
  });

  it('says what was expected and what to do where it is not', () => {
    const [ok, text] = print([good, bad]);
    expect(ok).toBe(false);
    expect(text).toContain('  ✗ memory  2 GB\n      expected: 8 GB\n      to do:    use a larger machine\n');
  });
});
