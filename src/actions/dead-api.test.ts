import { describe, expect, it } from 'vitest';
import { aksEngineLinux as layout } from '../layouts/aks-engine-linux.js';
import type { ClusterNode } from '../model/cluster.js';
import type { NodeInventory } from '../model/inventory.js';
import type { Facts } from '../plan/facts.js';
import { serviceIpFromManifest, withEtcdAddresses } from './dead-api.js';

const master: ClusterNode = { name: 'm0', address: 'm0', role: 'master', os: 'linux' };

function seen(path: string, content: string): Map<string, NodeInventory> {
  const file = { path, mode: '644', owner: 'root:root', content };
  const inventory = { node: 'm0', files: new Map([[path, file]]), keys: new Map(), units: new Map() };
  return new Map([['m0', { ...inventory, processes: [], clock: 0, boot: '' }]]);
}

function factsWith(argument: string): Facts {
  const text = `metadata: {name: kube-apiserver}\nspec:\n  containers:\n    - command: ["kube-apiserver"]\n      args: ["${argument}"]\n`;
  const path = `${layout.manifests}/${layout.apiServer.manifest}`;
  return {
    ...{ rotation: 'r', layout, nodes: [master], adminUsername: 'azureuser', leaveBridge: false },
    inventories: seen(path, text),
  };
}

describe('when no API can be asked', () => {
  it('a master that is known by name gets the address that its etcd tells the others', () => {
    const text = 'DAEMON_ARGS=--name=m0 --advertise-client-urls=https://10.1.2.3:2379 --data-dir=/d\n';
    const [found] = withEtcdAddresses([master], seen(layout.etcdDefaults, text), layout);
    expect(found?.address).toBe('10.1.2.3');
  });

  it('a master whose etcd tells no address is named', () => {
    expect(() => withEtcdAddresses([master], seen(layout.etcdDefaults, 'DAEMON_ARGS=\n'), layout)).toThrow(
      'node m0',
    );
  });

  it.each([
    ['10.0.0.0/16', '10.0.0.1'],
    ['172.16.255.255/32', '172.17.0.0'],
    ['10.0.0.0/16,fd00::/112', '10.0.0.1'],
  ])("the Service's address is the first of %s", (range, address) => {
    expect(serviceIpFromManifest(factsWith(`--service-cluster-ip-range=${range}`))).toBe(address);
  });

  it('a manifest without a range is named', () => {
    expect(() => serviceIpFromManifest(factsWith('--v=2'))).toThrow('kube-apiserver.yaml');
  });
});
