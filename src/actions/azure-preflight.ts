import pMap from 'p-map';
import {
  AzureError,
  openAzure,
  type Azure,
  type AzureOptions,
  type Machine,
} from '../adapters/azure/index.js';
import type { ApiModel } from '../model/apimodel.js';
import type { ClusterNode } from '../model/cluster.js';
import { customCloudOf } from '../model/custom-cloud.js';
import { matchesScheme, vmNumbersOf } from '../model/vm-names.js';
import type { Finding } from '../model/plan.js';

/** The gate that `--skip-gate azure` opens. */
export const azureGate = 'azure';

/**
 * What Azure's API says against the start: a machine of the cluster that it does not have, that is not named as
 * aks-engine names them, or that does not run; a master of the same cluster that is no node; and that it cannot be asked.
 */
export async function askAzure(
  options: AzureOptions,
  model: ApiModel,
  nodes: readonly ClusterNode[],
): Promise<Finding[]> {
  try {
    const azure = await openAzure(options, customCloudOf(model));
    try {
      return await checkMachines(azure, options.resourceGroup, model, nodes);
    } finally {
      await azure.close();
    }
  } catch (error) {
    if (!(error instanceof AzureError)) throw error;
    const { where, what, next } = error;
    return [finding(where, what, next)];
  }
}

/** As `askAzure`, of a client that is open already. @throws AzureError when the list of machines cannot be had */
export async function checkMachines(
  azure: Pick<Azure, 'machines' | 'powerState'>,
  resourceGroup: string,
  model: ApiModel,
  nodes: readonly ClusterNode[],
): Promise<Finding[]> {
  const machines = await azure.machines();
  const where = (name: string): string => `machine ${name} in resource group ${resourceGroup}`;
  const findings = await pMap(
    nodes,
    async (node) => {
      const machine = machineOf(node, machines);
      if (machine === undefined)
        return [finding(where(node.name), 'is not there, but the cluster has such a node', wrongGroup)];
      const state = await azure.powerState(machine);
      return [
        ...(state === 'running'
          ? []
          : [finding(where(machine.name), `is ${state}; expected running`, startIt)]),
        ...(matchesScheme(node, model) ? [] : [finding(where(machine.name), unlikeModel(model), rightModel)]),
      ];
    },
    { concurrency: 4 },
  );
  return [...findings.flat(), ...strangers(machines, model, nodes).map((name) => stranger(where(name)))];
}

const wrongGroup = "check --resource-group and --subscription-id, and that the API model is this cluster's";
const startIt = 'start it, and wait until its node is Ready';
const rightModel =
  'use the API model of this cluster; machines that aks-engine did not name are not rotated by it';

function unlikeModel({ pools }: ApiModel): string {
  const names = ['master', ...pools.map(({ name }) => name)].map((pool) => `k8s-${pool}-<number>-<index>`);
  return `is not named as the API model says; expected one of ${names.join(', ')}`;
}

/** The machine that is a node: it calls itself so, in whatever case. */
export function machineOf(
  node: { readonly name: string },
  machines: readonly Machine[],
): Machine | undefined {
  const name = node.name.toLowerCase();
  return machines.find(
    (machine) => machine.computerName.toLowerCase() === name || machine.name.toLowerCase() === name,
  );
}

/** Masters of this cluster that are no nodes of it: stopped ones that would come back with the old side. */
function strangers(machines: readonly Machine[], model: ApiModel, nodes: readonly ClusterNode[]): string[] {
  const known = new Set(nodes.map(({ name }) => name.toLowerCase()));
  const numbers = vmNumbersOf(nodes);
  return machines
    .map(({ computerName }) => computerName.toLowerCase())
    .filter(
      (name) =>
        !known.has(name) &&
        numbers.some((number) => name.startsWith(`k8s-master-${number}-`)) &&
        matchesScheme({ name, role: 'master', os: 'linux' }, model),
    );
}

function stranger(where: string): Finding {
  return finding(
    where,
    "is named as one of this cluster's masters, but is no node of it",
    'start it and wait until it is a node again, or delete it',
  );
}

function finding(where: string, what: string, next: string): Finding {
  const skip = '--skip-gate azure';
  return {
    code: azureGate,
    where,
    what,
    next: next.includes(skip) ? next : `${next}; to start all the same give ${skip}`,
  };
}
