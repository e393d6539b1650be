import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScriptNode } from './testing/script-node.js';

// A script is some dozen processes; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

let node: ScriptNode;
const step = 'var/lib/keyroll/steps/s';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

beforeEach(() => {
  node = new ScriptNode();
  node.write(`${step}/manifest`, 'kube-apiserver\n--phase=trust\n');
  node.write(`${step}/files`, `/etc/certs/a.crt 644 root:root ${base64('new')}\n`);
  node.write('etc/certs/a.crt', 'old');
  node.write('etc/kubernetes/manifests/kube-apiserver.yaml', 'kube-apiserver\n--phase=start\n');
});
afterEach(() => node.remove());

const common = [
  'old=kube-apiserver.yaml kube-apiserver-present.yaml',
  ...[
    'new=kube-apiserver-trust.yaml',
    'mode=640',
    'owner=root:root',
    'arguments=--phase=trust',
    'rotation=r',
  ],
];
const restart = (patience = '30'): { code: number | null; out: string } =>
  node.run('restart-apiserver', [
    node.at(step),
    ...common,
    `patience=${patience}`,
    ...['own=10.0.0.1', 'service=10.1.0.1', 'port=443', 'ports=443 4443', 'targets=10.0.0.2 10.0.0.3'],
    ...[
      'watchdogs=',
      'etcd=no',
      'endpoints=',
      'certificate=/c',
      'key=/k',
      'ca=/ca',
      'etcd_certificate=/c',
      'etcd_key=/k',
    ],
  ]);
const swap = (): { code: number | null; out: string } =>
  node.run('swap-pod', [
    node.at(step),
    ...common,
    'program=kube-apiserver',
    'health=https://127.0.0.1/healthz',
  ]);
const expectNew = (): void => {
  expect(node.manifests).toEqual(['kube-apiserver-trust.yaml']);
  expect(node.read('etc/certs/a.crt')).toBe('new');
  expect(node.read('var/lib/keyroll/pending/swap-s')).toBe('');
};

describe.each([
  ['restart-apiserver.sh', restart],
  ['swap-pod.sh', swap],
])('%s', (_, run) => {
  it('lets the old manifest go, changes files while nothing runs, and brings the new one', () => {
    expect(run()).toMatchObject({ code: 0 });
    expectNew();
    expect(node.read(`${step}/left-kube-apiserver.yaml`)).toContain('--phase=start');
  });

  it('does nothing the second time', () => {
    run();
    const before = node.read('pids');
    expect(run().out).toContain('already there');
    expect(node.read('pids')).toBe(before);
    expectNew();
  });

  it('swaps from whatever manifest is there', () => {
    node.write('etc/kubernetes/manifests/kube-apiserver-present.yaml', 'kube-apiserver\n--phase=present\n');
    node.run('clock', []);
    expect(run().code).toBe(0);
    expectNew();
  });

  it('puts the old manifest back when the files cannot be changed', () => {
    node.write(`${step}/files`, `/etc/certs/a.crt/b 644 root:root ${base64('x')}\n`);
    expect(run().code).not.toBe(0);
    expect(node.manifests).toEqual(['kube-apiserver.yaml']);
    expect(node.read('var/lib/keyroll/pending/swap-s')).toBe('');
  });

  it('leaves to complete.sh what a crash cuts off, and goes on when it is asked again', () => {
    node.crashAt('mv', '*left-*');
    run();
    node.recover('mv');
    expect(node.run('complete', ['boot']).code).toBe(0);
    expectNew();
    expect(run().code).toBe(0);
    expectNew();
  });

  it('puts the old manifest back when the new one cannot be written, and goes on when it is asked again', () => {
    node.crashAt('cp', '*manifest*');
    expect(run().code).not.toBe(0);
    expect(node.manifests).toEqual(['kube-apiserver.yaml']);
    node.recover('cp');
    expect(run().code).toBe(0);
    expectNew();
  });
});

describe('restart-apiserver.sh', () => {
  it('does not begin when no other master answers', () => {
    node.write('commands/curl', '#!/bin/sh\nexit 7\n');
    const { code, out } = restart('1');
    expect(code).toBe(1);
    expect(out).toContain('no other master has answered /readyz for 1 s');
    expect(node.manifests).toEqual(['kube-apiserver.yaml']);
    expect(node.read('rules')).toBe('');
  });

  it('waits for another master that is busy for a while', () => {
    const asked = '"$KEYROLL_ROOT/asked"';
    node.command(
      'curl',
      `case "$*" in *127.0.0.1*) [ -n "$(pgrep)" ] && echo ok; exit ;; esac
      echo again >>${asked}; [ "$(wc -l <${asked})" -gt 4 ] && echo ok`,
    );
    expect(restart()).toMatchObject({ code: 0 });
    expectNew();
  });

  it('is not completed undrained when it is killed before the old manifest leaves', () => {
    node.crashAt('iptables-restore', '*');
    restart();
    node.recover('iptables-restore');
    expect(node.run('complete', [node.at('var/lib/keyroll/pending/swap-s')]).code).toBe(0);
    expect(node.manifests).toEqual(['kube-apiserver.yaml']);
  });
});
