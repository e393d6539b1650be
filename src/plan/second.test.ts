import { expect, it } from 'vitest';
import { aksEngineLinux as layout } from '../layouts/aks-engine-linux.js';
import type { ClusterNode } from '../model/cluster.js';
import type { Facts } from './facts.js';
import { argumentsOf, podNameOf } from './manifest.js';
import { second } from './second.js';
import { apiServerTrust } from './swaps.js';

function factsWith(count: number, args: readonly string[]): Facts {
  const nodes = Array.from({ length: count }, (_, index): ClusterNode => ({
    ...{ name: `m${index}`, address: `10.0.0.${index}`, role: 'master', os: 'linux' },
  }));
  const path = `${layout.manifests}/kube-apiserver.yaml`;
  const content = `metadata: {name: kube-apiserver}\nspec:\n  containers:\n    - command: ["kube-apiserver"]\n      args: [${args.map((one) => JSON.stringify(one)).join(', ')}]\n`;
  const inventories = nodes.map((node) => ({
    ...{ node: node.name, keys: new Map(), units: new Map(), processes: [], clock: 0, boot: '' },
    files: new Map([[path, { path, mode: '640', owner: 'root:root', content }]]),
  }));
  return {
    ...{ rotation: 'r', layout, nodes, adminUsername: 'azureuser', leaveBridge: false },
    inventories: new Map(inventories.map((inventory) => [inventory.node, inventory])),
  };
}

function secondOf(facts: Facts): ReturnType<typeof second> {
  const [node] = facts.nodes;
  if (!node) throw new Error('there is no master');
  return second(facts, node, apiServerTrust(facts, node));
}

const args = ['--secure-port=443', `--client-ca-file=${layout.ca}`, '--v=2'];

it('the second kube-apiserver of an only master has its own port and name, the flags of the swap, and no Endpoints', () => {
  const text = secondOf(factsWith(1, args)).second?.text ?? '';
  expect(podNameOf(text, 'second')).toBe('kube-apiserver-trust-second');
  expect(argumentsOf(text, 'second')).toEqual([
    'kube-apiserver',
    '--secure-port=6444',
    `--client-ca-file=${layout.own}/client-ca.crt`,
    '--v=2',
    '--endpoint-reconciler-type=none',
  ]);
});

it('a reconciler that is named is replaced, not named twice', () => {
  const text = secondOf(factsWith(1, [...args, '--endpoint-reconciler-type=lease'])).second?.text ?? '';
  expect(argumentsOf(text, 'second').filter((one) => one.startsWith('--endpoint-'))).toEqual([
    '--endpoint-reconciler-type=none',
  ]);
});

it('where there are other masters there is no second one', () => {
  expect(secondOf(factsWith(3, args))).toEqual({});
});
