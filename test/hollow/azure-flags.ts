import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  makeStackCertificates,
  startAzureStack,
  type AzureStack,
} from '../../src/hollow/azure-stack/index.js';

const clientId = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const secret = 'a-secret-of-this-test';
const subscriptionId = '0b1c2d3e-4f50-4a61-8b72-9c83ad94be05';
const resourceGroup = 'hollow';

/** The stack behind a cluster, and the part of aks-engine's command line that leads to it. */
export interface StackBehind {
  readonly stack: AzureStack;
  readonly args: readonly string[];
  readonly secret: string;
}

/** Starts a stand-in for Azure Stack Hub with these machines, and makes the API model one of a cluster on it. */
export async function stackBehind(modelFile: string, machines: readonly string[]): Promise<StackBehind> {
  const tls = await makeStackCertificates(['localhost']);
  const stack = await startAzureStack({
    tls,
    identitySystem: 'azure_ad',
    client: { id: clientId, secret },
    subscriptionId,
    resourceGroup,
    machines: machines.map((name) => ({ name })),
    reboot: (name) => Promise.reject(new Error(`${name}: nobody asked for a reboot`)),
  });
  const authority = join(dirname(modelFile), 'azure-stack-ca.crt');
  writeFileSync(authority, tls.ca);
  const model = JSON.parse(readFileSync(modelFile, 'utf8')) as { properties: Record<string, unknown> };
  const resourceManagerEndpoint = `${stack.addresses.management}/`;
  model.properties['customCloudProfile'] = { environment: { resourceManagerEndpoint } };
  writeFileSync(modelFile, `${JSON.stringify(model, null, 2)}\n`);
  const args = [
    ...['--location', 'local', '--azure-env', 'AzureStackCloud', '--identity-system', 'azure_ad'],
    ...['--subscription-id', subscriptionId, '--resource-group', resourceGroup],
    ...['--client-id', clientId, '--client-secret', secret, '--azure-ca-file', authority],
  ];
  return { stack, args, secret };
}
