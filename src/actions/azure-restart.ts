import { AzureError, openAzure } from '../adapters/azure/index.js';
import { customCloudOf } from '../model/custom-cloud.js';
import { machineOf } from './azure-preflight.js';
import type { Session } from './session.js';

/** Has Azure restart the machine that is a node, and waits for the operation's end. @throws AzureError */
export async function restartMachine(
  { options, model }: Pick<Session, 'options' | 'model'>,
  node: string,
): Promise<void> {
  if (options.azure === undefined)
    throw new AzureError('settings', {
      where: '--reboot',
      what: 'there is no way to restart a machine without the flags for Azure',
      next: 'give --subscription-id, --resource-group, --client-id and --client-secret too',
    });
  const azure = await openAzure(options.azure, customCloudOf(model));
  try {
    const machine = machineOf({ name: node }, await azure.machines());
    if (machine === undefined)
      throw new AzureError('missing', {
        where: `machine ${node} in resource group ${options.azure.resourceGroup}`,
        what: 'is not there',
        next: 'check --resource-group and --subscription-id',
      });
    await azure.restart(machine);
  } finally {
    await azure.close();
  }
}
