import type { z } from 'zod';
import type { Arm } from './arm.js';
import { AzureError } from './error.js';
import { runOperation } from './operation.js';
import { instanceViewSchema, machineSchema, providerSchema, scaleSetSchema } from './schemas.js';

/** A virtual machine of a resource group, or an instance of a scale set in it. */
export interface Machine {
  /** Its path in the Resource Manager. */
  readonly id: string;
  readonly name: string;
  /** What the machine calls itself: the Kubernetes node's name. */
  readonly computerName: string;
  readonly provisioningState: string;
}

/** The machines of one resource group. */
export interface Compute {
  /** All of them, scale sets' instances included. @throws AzureError */
  machines(): Promise<Machine[]>;
  /** `running`, `stopped`, `deallocated`, …; `unknown` when the instance view has none. @throws AzureError */
  powerState(machine: Machine): Promise<string>;
  /** Restarts a machine and waits for the operation's end. Not to be repeated blindly. @throws AzureError */
  restart(machine: Machine): Promise<void>;
}

/** Newest first: those whose requests and answers this client was written for. The first is Azure Stack Hub's today. */
const knownVersions = [
  '2020-06-01',
  '2019-12-01',
  '2019-07-01',
  '2018-10-01',
  '2018-06-01',
  '2017-12-01',
  '2017-03-30',
];
const providerVersion = '2018-02-01';
const restartTimeoutMs = 20 * 60_000;

export function compute(arm: Arm, subscriptionId: string, resourceGroup: string): Compute {
  const subscription = `/subscriptions/${encodeURIComponent(subscriptionId)}`;
  const group = `${subscription}/resourceGroups/${encodeURIComponent(resourceGroup)}/providers/Microsoft.Compute`;
  let asked: Promise<string> | undefined;
  const version = (): Promise<string> =>
    (asked ??= computeVersion(arm, subscription).catch((error: unknown) => {
      asked = undefined;
      throw error;
    }));
  return {
    async machines() {
      const query = { 'api-version': await version() };
      const single = await arm.list(`${group}/virtualMachines`, query, machineSchema);
      const sets = await arm.list(`${group}/virtualMachineScaleSets`, query, scaleSetSchema);
      const instances = await Promise.all(
        sets.map(({ id }) => arm.list(`${id}/virtualMachines`, query, machineSchema)),
      );
      return [...single, ...instances.flat()].map(machineOf);
    },
    async powerState(machine) {
      const query = { 'api-version': await version() };
      // An instance of a scale set has its view at an address of its own.
      const statuses = isInstance(machine)
        ? (await arm.get(`${machine.id}/instanceView`, query, instanceViewSchema)).statuses
        : (await arm.get(machine.id, { $expand: 'instanceView', ...query }, machineSchema)).properties
            .instanceView?.statuses;
      const code = (statuses ?? []).find((status) => /^PowerState\//i.test(status.code))?.code;
      return code?.slice('PowerState/'.length) ?? 'unknown';
    },
    async restart(machine) {
      const url = arm.url(`${machine.id}/restart`, { 'api-version': await version() });
      await runOperation(arm, 'POST', url, restartTimeoutMs);
    },
  };
}

function isInstance({ id }: Machine): boolean {
  return /\/virtualMachineScaleSets\//i.test(id);
}

function machineOf({ id, name, properties }: z.output<typeof machineSchema>): Machine {
  return {
    id,
    name,
    computerName: properties.osProfile?.computerName ?? name,
    provisioningState: properties.provisioningState ?? 'unknown',
  };
}

/** The newest version of the compute API that this client knows and this cloud has. */
async function computeVersion(arm: Arm, subscription: string): Promise<string> {
  const { resourceTypes } = await arm.get(
    `${subscription}/providers/Microsoft.Compute`,
    { 'api-version': providerVersion },
    providerSchema,
  );
  const offered =
    resourceTypes.find(({ resourceType }) => resourceType.toLowerCase() === 'virtualmachines')?.apiVersions ??
    [];
  const found = knownVersions.find((version) => offered.includes(version));
  if (found !== undefined) return found;
  throw new AzureError('protocol', {
    where: `${subscription}/providers/Microsoft.Compute`,
    what: `offers the compute API in ${offered.join(', ') || 'no version'}; expected one of ${knownVersions.join(', ')}`,
    next: 'this version of keyroll cannot work with it; without Azure go on with --skip-gate azure',
  });
}
