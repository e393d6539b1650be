import { describe, expect, it } from 'vitest';
import type { Machine } from '../adapters/azure/index.js';
import type { ApiModel } from '../model/apimodel.js';
import type { ClusterNode } from '../model/cluster.js';
import { askAzure, checkMachines } from './azure-preflight.js';

const pools = [
  { name: 'linuxpool', count: 1, os: 'Linux' },
  { name: 'winpool', count: 1, os: 'Windows' },
] as const;
const model = { file: 'apimodel.json', text: '{"properties":{}}', pools } as unknown as ApiModel;

const node = (
  name: string,
  role: 'master' | 'agent' = 'master',
  os: 'linux' | 'windows' = 'linux',
): ClusterNode => ({
  name,
  role,
  os,
  address: '10.0.0.1',
});
const nodes = [
  node('k8s-master-12345678-0'),
  node('k8s-master-12345678-1'),
  node('k8s-linuxpool-12345678-vmss00000a', 'agent'),
  node('1234k8s000', 'agent', 'windows'),
];
const machine = (computerName: string): Machine => ({
  id: `/x/${computerName}`,
  name: computerName,
  computerName,
  provisioningState: 'Succeeded',
});

function cloud(names: readonly string[], power: Readonly<Record<string, string>> = {}) {
  return {
    machines: () => Promise.resolve(names.map(machine)),
    powerState: ({ name }: Machine) => Promise.resolve(power[name] ?? 'running'),
  };
}
const names = nodes.map(({ name }) => name.toUpperCase());

describe('the machines of a cluster', () => {
  it('pass when each node is one that runs, in whatever case its name is', async () => {
    expect(await checkMachines(cloud(names), 'k8s', model, nodes)).toEqual([]);
  });

  it('are named when they are missing or do not run', async () => {
    const findings = await checkMachines(
      cloud(names.slice(1), { [names[1] ?? '']: 'deallocated' }),
      'k8s',
      model,
      nodes,
    );
    expect(findings.map(({ where, what, next }) => `${where}: ${what}; ${next}`)).toEqual([
      "machine k8s-master-12345678-0 in resource group k8s: is not there, but the cluster has such a node; check --resource-group and --subscription-id, and that the API model is this cluster's; to start all the same give --skip-gate azure",
      'machine K8S-MASTER-12345678-1 in resource group k8s: is deallocated; expected running; start it, and wait until its node is Ready; to start all the same give --skip-gate azure',
    ]);
    expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(['azure']));
  });

  it('are named when their names are not those of the model', async () => {
    const strange = [node('k8s-otherpool-12345678-0', 'agent'), node('master-0')];
    const all = [...nodes, ...strange];
    const findings = await checkMachines(cloud(all.map(({ name }) => name)), 'k8s', model, all);
    expect(findings.map(({ where }) => where)).toEqual([
      'machine k8s-otherpool-12345678-0 in resource group k8s',
      'machine master-0 in resource group k8s',
    ]);
    expect(findings[0]?.what).toContain(
      'expected one of k8s-master-<number>-<index>, k8s-linuxpool-<number>-<index>',
    );
  });

  it('are named when they are masters of this cluster and no nodes', async () => {
    const others = ['k8s-master-12345678-2', 'k8s-master-87654321-0', 'k8s-master-12345678-x'];
    const findings = await checkMachines(cloud([...names, ...others]), 'k8s', model, nodes);
    expect(findings.map(({ where }) => where)).toEqual([
      'machine k8s-master-12345678-2 in resource group k8s',
    ]);
  });
});

it('makes a finding of an Azure that cannot be asked', async () => {
  const credential = { method: 'client_secret', secret: 'hidden' } as const;
  const options = {
    environment: 'AzureStackCloud',
    subscriptionId: 's',
    resourceGroup: 'k8s',
    clientId: 'c',
    identitySystem: 'adfs',
    credential,
  } as const;
  const [finding] = await askAzure(options, model, nodes);
  expect(finding).toMatchObject({ code: 'azure', where: '--azure-env' });
  expect(finding?.next).toContain('--skip-gate azure');
});
