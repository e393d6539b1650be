import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScriptNode } from './testing/script-node.js';

// A script is some dozen processes; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

let node: ScriptNode;
const step = 'var/lib/keyroll/steps/s';

beforeEach(async () => {
  node = new ScriptNode();
  node.write(`${step}/manifest`, 'kube-apiserver\n--phase=trust\n');
  node.write(`${step}/files`, '/etc/certs/a.crt 644 root:root new\n');
  node.write('etc/certs/a.crt', 'old');
  node.write('etc/kubernetes/manifests/kube-apiserver.yaml', 'kube-apiserver\n--phase=start\n');
  // What restarts, ran before.
  await node.started();
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

  it('swaps from whatever manifest is there', async () => {
    node.write('etc/kubernetes/manifests/kube-apiserver-present.yaml', 'kube-apiserver\n--phase=present\n');
    await node.started();
    expect(run().code).toBe(0);
    expectNew();
  });

  it('puts the old manifest back when the files cannot be changed', () => {
    node.write(`${step}/files`, '/etc/certs/a.crt/b 644 root:root x\n');
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
  it('waits the second time too until what runs is ready', () => {
    restart();
    node.command(
      'curl',
      'echo x >>"$KEYROLL_ROOT/asked"; [ $(wc -l <"$KEYROLL_ROOT/asked") -lt 4 ] || echo ok',
    );
    expect(restart()).toMatchObject({ code: 0, out: expect.stringContaining('already there') as string });
    expect(node.read('asked')).toBe('x\n'.repeat(4));
  });

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

  it('forgets connections that its server has ended, once they are led elsewhere and before its port is open again', () => {
    // It fails when there was nothing to forget.
    node.command('conntrack', 'echo "conntrack $*" >>"$KEYROLL_ROOT/rules"; exit 1');
    expect(restart()).toMatchObject({ code: 0 });
    expectNew();
    const told = node.read('rules').split('\n');
    const forgets = ['443', '4443'].map(
      (port) => `conntrack -D -p tcp --orig-port-dst ${port} --state CLOSE`,
    );
    const redirected = told.findIndex((line) => line.startsWith('-I OUTPUT'));
    const held = told.findIndex((line) => line.includes('-I INPUT') && line.endsWith('DROP'));
    const letGo = told.findIndex((line) => line.includes('-C INPUT') && line.endsWith('DROP'));
    for (const [from, to] of [
      [redirected, held],
      [held, letGo],
    ])
      expect(told.slice(from, to).filter((line) => line.startsWith('conntrack'))).toEqual(forgets);
  });

  it('says so when it cannot forget them, and goes on', () => {
    node.command('conntrack', 'exit 2');
    const { code, out } = restart();
    expect(code).toBe(0);
    expect(out).toContain('conntrack: ended connections to port 443 could not be forgotten');
  });

  it('is not completed undrained when it is killed before the old manifest leaves', () => {
    node.crashAt('iptables-restore', '*');
    restart();
    node.recover('iptables-restore');
    expect(node.run('complete', [node.at('var/lib/keyroll/pending/swap-s')]).code).toBe(0);
    expect(node.manifests).toEqual(['kube-apiserver.yaml']);
  });
});

describe('restart-apiserver.sh of an only master', () => {
  const settings = [
    ...common,
    ...['own=10.0.0.1', 'service=10.1.0.1', 'port=443', 'ports=443 4443', 'targets=', 'second_port=6444'],
    ...['watchdogs=kubelet-monitor docker-monitor', 'etcd=no', 'endpoints=', 'certificate=/c', 'key=/k'],
    ...['ca=/ca', 'etcd_certificate=/c', 'etcd_key=/k'],
  ];
  /** As its unit does: to its end, and then what systemd runs after it. */
  const unit = (...more: readonly string[]): { result: string; log: string } => {
    node.run('run-step', ['s', 'restart-apiserver', ...settings, ...more]);
    node.run('end-step', ['s']);
    return { result: node.read(`${step}/result`).trim(), log: node.read(`${step}/log`) };
  };
  const units = (): string[] => node.read('units').split('\n').filter(Boolean);

  beforeEach(() => {
    node.write(`${step}/second`, 'kube-apiserver\n--secure-port=6444\n');
    // Only kubelet-monitor ran before.
    node.command(
      'systemctl',
      `case "$*" in *is-active*) case "$*" in *kubelet-monitor*) exit 0 ;; *) exit 3 ;; esac ;; esac
echo "$*" >>"$KEYROLL_ROOT/units"`,
    );
    // The first answers while it runs; something else listens at the second one's port.
    node.command(
      'curl',
      `case "$*" in *:6444/readyz*) ;; *127.0.0.1:443*) [ -z "$(pgrep)" ] || echo ok ;; esac`,
    );
  });

  it.each([['gap=no'], []])(
    'changes nothing where no second one comes up and nobody knows (setting: %s)',
    (...gap) => {
      const { result, log } = unit(...gap);
      expect(result).toBe('1');
      expect(log).toContain('port 6444 is taken');
      expect(log).toMatch(
        /nothing has changed; free port 6444 or memory.*same command again.*--skip-gate single-master-gap/,
      );
      expect(log).not.toMatch(/gap:|sigterm|redirect to/);
      expect(node.manifests).toEqual(['kube-apiserver.yaml']);
      expect(node.read('etc/certs/a.crt')).toBe('old');
      expect(existsSync(node.at(`${step}/record`))).toBe(false);
      expect(node.read('rules')).toBe('');
      expect(units()).toContain('stop kubelet-monitor docker-monitor');
      expect(units().at(-1)).toBe('start kubelet-monitor');
    },
  );

  it('goes on without a second one when that was accepted, and marks the gap', () => {
    unit('gap=no');
    const { result, log } = unit('gap=yes');
    expect(result, log).toBe('0');
    expect(log).toMatch(/^\d{13} gap: nobody answers/m);
    expect(log).toMatch(/^\d{13} ready$/m);
    expectNew();
    expect(node.read('rules')).not.toContain('KEYROLL');
    expect(units().at(-1)).toBe('start kubelet-monitor');
  });

  it('goes on where the first does not answer either: there is nothing to lose', () => {
    node.command(
      'curl',
      `case "$*" in *127.0.0.1:443*)
  [ ! -e "$KEYROLL_ROOT/etc/kubernetes/manifests/kube-apiserver-trust.yaml" ] || echo ok ;;
esac`,
    );
    const { result, log } = unit('gap=no');
    expect(result, log).toBe('0');
    expect(log).toMatch(/^\d{13} ready$/m);
    expectNew();
  });

  it('ends a second one that is not ready in time, and leaves nothing behind', () => {
    node.command(
      'curl',
      'case "$*" in *:6444/readyz*) ;; *:6444*) exit 7 ;; *) [ -z "$(pgrep)" ] || echo ok ;; esac',
    );
    node.command(
      'date',
      'n=$(cat "$KEYROLL_ROOT/clock" 2>/dev/null || echo 0); echo $((n + 5000)) >"$KEYROLL_ROOT/clock"; echo $((1700000000000 + n))',
    );
    const { result, log } = unit('gap=no');
    expect(result).toBe('1');
    expect(log).toContain('the second kube-apiserver is not ready after 120 s');
    expect(node.manifests).toEqual(['kube-apiserver.yaml']);
    expect(node.read('etc/certs/a.crt')).toBe('old');
    expect(node.read('var/lib/keyroll/run/second-hold')).toBe('');
    expect(units().at(-1)).toBe('start kubelet-monitor');
  });
});
