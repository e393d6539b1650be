import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScriptNode } from './testing/script-node.js';

// A script is some dozen processes; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

let node: ScriptNode;
const left = 'second-kube-apiserver-trust.yaml';
beforeEach(async () => {
  node = new ScriptNode();
  node.write(`etc/kubernetes/manifests/${left}`, 'kube-apiserver\n--secure-port=6444\n');
  await node.started();
});
afterEach(() => node.remove());

describe('a second kube-apiserver that was left behind', () => {
  it('is found and removed when a rotation begins or is taken up', () => {
    const { code, out } = node.run('await-steps', []);
    expect(code).toBe(0);
    expect(out).toContain(left);
    expect(node.manifests).toEqual([]);
    expect(node.run('await-steps', [])).toEqual({ code: 0, out: '' });
  });

  it('stays while connections are led to it', () => {
    node.write('var/lib/keyroll/run/redirect', '10.0.0.1\n');
    expect(node.run('await-steps', []).code).toBe(0);
    expect(node.manifests).toEqual([left]);
  });

  it('is removed at boot, before kubelet could start it', () => {
    expect(node.run('complete', ['boot']).code).toBe(0);
    expect(node.manifests).toEqual([]);
  });

  it('goes when a unit was cut off: no hold and no manifest are left', () => {
    node.write('var/lib/keyroll/run/second-hold', '');
    const settings = ['own=10.0.0.1', 'service=10.1.0.1', 'port=443', 'ports=443 4443', 'second_port=6444'];
    expect(node.run('settle-apiserver', [...settings, 'certificate=/c', 'key=/k']).code).toBe(0);
    expect(node.manifests).toEqual([]);
    expect(node.read('var/lib/keyroll/run/second-hold')).toBe('');
  });
});

it('no second one is started where its port answers already', () => {
  // One that serves already was left by a restart that did not end, and is used.
  expect(node.run('second-check', ['6444']).out).toBe('');
  node.remove();
  node = new ScriptNode();
  const { code, out } = node.run('second-check', ['6444']);
  expect(code).toBe(0);
  expect(out).toContain('port 6444 is taken');
});
