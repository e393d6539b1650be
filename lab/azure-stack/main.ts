import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startAzureStack, makeStackCertificates } from '../../src/hollow/azure-stack/index.js';
import * as lab from '../cluster/index.js';
import { makePrincipal, principal } from './principal.js';

/**
 * The stand-in for the Azure Stack Hub that the lab's API model names, in the lab's network: restart really reboots the
 * lab's machine. Its CA, and the service principal's certificate and key, are written beside the API model. Runs until
 * SIGINT or SIGTERM, and ends with 1 when it was asked for something that it does not know.
 */
async function serve(identitySystem: string): Promise<number> {
  if (identitySystem !== 'azure_ad' && identitySystem !== 'adfs')
    throw new Error(`--identity-system: found ${identitySystem}; expected azure_ad or adfs`);
  const { clusterDir, nodes } = await lab.paths();
  const certificates = await makeStackCertificates(lab.azureStackHosts);
  const own = await makePrincipal();
  const file = (name: string): string => join(clusterDir, name);
  await writeFile(file('azure-stack-ca.crt'), certificates.ca);
  await writeFile(file('azure-client.crt'), own.certificate);
  await writeFile(file('azure-client.key'), own.key, { mode: 0o600 });
  const [management, login] = lab.azureStackHosts.map((host) => `https://${host}`);
  const stack = await startAzureStack({
    tls: certificates,
    listen: lab.network.azureStack,
    port: 443,
    addresses: { management: management ?? '', login: login ?? '' },
    audience: `${management ?? ''}/lab`,
    identitySystem,
    client: { id: principal.clientId, secret: principal.secret, certificate: own.certificate },
    subscriptionId: principal.subscriptionId,
    resourceGroup: principal.resourceGroup,
    machines: nodes.map(({ name }) => ({ name })),
    reboot: (machine) => lab.reboot(machine),
    onRequest: (line) => console.log(`${new Date().toISOString()} ${line}`),
  });
  console.log(
    `Azure Stack stand-in (${identitySystem}) at ${management ?? ''}; its CA: ${file('azure-stack-ca.crt')}`,
  );
  await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  await stack.close();
  for (const unknown of stack.unknown) console.error(`not known here: ${unknown}`);
  return stack.unknown.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await serve(process.argv[2] ?? 'azure_ad');
} catch (error) {
  console.error(`azure-stack: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
