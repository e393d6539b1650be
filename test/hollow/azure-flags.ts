import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  makeStackCertificates,
  startAzureStack,
  type AzureStack,
} from '../../src/hollow/azure-stack/index.js';
import type { HollowCluster } from '../../src/hollow/index.js';
import { generateKey, mintAuthority } from '../../src/pki/index.js';

const clientId = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const secret = 'a-secret-of-this-test';
const subscriptionId = '0b1c2d3e-4f50-4a61-8b72-9c83ad94be05';
const resourceGroup = 'hollow';

/** Who gives out the stack's tokens; with Azure AD the principal proves itself by a secret, with AD FS by a certificate. */
export type IdentitySystem = 'azure_ad' | 'adfs';

/** The stack behind a cluster, and the part of aks-engine's command line that leads to it. */
export interface StackBehind {
  readonly stack: AzureStack;
  /** Every flag of aks-engine's that concerns Azure. */
  readonly args: readonly string[];
  /** What an operator of a stack has in the environment: the stack's own CA. */
  readonly environment: Readonly<Record<string, string>>;
  /** What nobody may be told. */
  readonly secrets: readonly string[];
}

/** Starts a stand-in for Azure Stack Hub with a cluster's machines, and makes its API model one of a cluster on it. */
export async function stackBehind(
  { modelFile, machines }: HollowCluster,
  identitySystem: IdentitySystem,
  reboot: (machine: string) => Promise<void> = (name) =>
    Promise.reject(new Error(`${name}: nobody asked for a reboot`)),
): Promise<StackBehind> {
  const [tls, principal] = await Promise.all([makeStackCertificates(['localhost']), makePrincipal()]);
  const stack = await startAzureStack({
    ...{ tls, identitySystem, subscriptionId, resourceGroup, reboot },
    client: { id: clientId, secret, certificate: principal.certificate },
    machines: machines.map(({ node }) => ({ name: node.name })),
  });
  const beside = (name: string, text: string): string => {
    const file = join(dirname(modelFile), name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  standOn(modelFile, stack);
  const proof =
    identitySystem === 'azure_ad'
      ? ['--auth-method', 'client_secret', '--client-secret', secret]
      : [
          ...['--auth-method', 'client_certificate'],
          ...['--certificate-path', beside('principal.crt', principal.certificate)],
          ...['--private-key-path', beside('principal.key', principal.key)],
        ];
  return {
    stack,
    args: [
      ...['--location', 'local', '--azure-env', 'AzureStackCloud', '--identity-system', identitySystem],
      ...['--subscription-id', subscriptionId, '--resource-group', resourceGroup],
      ...['--client-id', clientId, ...proof],
    ],
    environment: { NODE_EXTRA_CA_CERTS: beside('azure-stack-ca.crt', tls.ca) },
    secrets: [secret, principal.key.split('\n')[1] ?? ''],
  };
}

/** The model says where its cloud is. */
function standOn(modelFile: string, stack: AzureStack): void {
  const model = JSON.parse(readFileSync(modelFile, 'utf8')) as { properties: Record<string, unknown> };
  const resourceManagerEndpoint = `${stack.addresses.management}/`;
  model.properties['customCloudProfile'] = { environment: { resourceManagerEndpoint } };
  writeFileSync(modelFile, `${JSON.stringify(model, null, 2)}\n`);
}

/** The service principal's certificate, signed by itself, and its key. PEM. */
async function makePrincipal(): Promise<{ certificate: string; key: string }> {
  const key = await generateKey({ type: 'rsa', bits: 2048 });
  const validity = {
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 86_400_000),
  };
  return {
    certificate: mintAuthority({ commonName: 'principal', key, validity }).pem,
    key: key.privatePem,
  };
}
