import { beforeAll, describe, expect, it } from 'vitest';
import { observeBarrier } from '../../src/inventory/observe-barrier.js';
import type { Materials } from '../../src/model/materials.js';
import { phaseNames, type Barrier, type PhaseName } from '../../src/model/plan.js';
import { planPhase } from '../../src/plan/plan.js';
import { nodesThatShow, smallCluster, smallMaterials, type Deviation } from './small-cluster.js';

const facts = { ...smallCluster(), etcdLeader: 'master-0', controllerManagerLeader: 'master-0' };
let materials: Materials;
beforeAll(async () => {
  materials = await smallMaterials(facts);
});

const barrierOf = (phase: PhaseName): Barrier => planPhase(phase, facts).barrier;

/** What an operator would be told about nodes that deviate. */
async function toldAbout(phase: PhaseName, deviation: Deviation): Promise<readonly string[]> {
  const barrier = barrierOf(phase);
  return (await observeBarrier(barrier, materials, nodesThatShow(barrier, materials, deviation))).deviations;
}

describe('a barrier', () => {
  it.each(phaseNames)('of %s holds where every node shows what it wants', async (phase) => {
    expect(await toldAbout(phase, {})).toEqual([]);
  });

  it('of trust names a master that was left out, and which CAs it accepts', async () => {
    const told = await toldAbout('trust', {
      names: (node, { server }, wanted) =>
        node === 'master-1' && server === 'kube-apiserver' ? ['old-ca.crt', 'old-proxy-ca.crt'] : wanted,
    });
    expect(told).toEqual([
      'node master-1: kube-apiserver (127.0.0.1:443) does not accept clients of ca.crt; it names CN=ca; CN=proxyClientCA',
      'node master-1: kube-apiserver (127.0.0.1:443) does not accept clients of proxy-ca.crt; it names CN=ca; CN=proxyClientCA',
    ]);
  });

  it('of distrust names a private key that others can read', async () => {
    const key = '/etc/kubernetes/certs/etcdserver.key';
    const told = await toldAbout('distrust', {
      file: (node, { path }) => (node === 'master-2' && path === key ? { mode: '644' } : {}),
    });
    expect(told).toEqual([`node master-2: ${key} has mode 644, expected 600`]);
  });

  it('of distrust names a server that still accepts the old side', async () => {
    const told = await toldAbout('distrust', {
      names: (node, { server }, wanted) =>
        node === 'agent-0' && server === 'kubelet' ? [...wanted, 'old-ca.crt'] : wanted,
    });
    expect(told).toEqual(['node agent-0: kubelet (127.0.0.1:10250) still accepts clients of old-ca.crt']);
  });

  it('of distrust names a manifest that is not what it was', async () => {
    const path = '/etc/kubernetes/manifests/kube-apiserver.yaml';
    const told = await toldAbout('distrust', {
      file: (node, file) => (node === 'master-0' && file.path === path ? { content: 'changed' } : {}),
    });
    expect(told).toEqual([`node master-0: ${path} does not hold what this phase puts there`]);
  });
});
