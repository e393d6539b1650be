import { generateKey, mintAuthority } from '../../src/pki/index.js';

/** The service principal that the lab's stand-in for Azure Stack Hub knows; the secret is worth nothing anywhere else. */
export const principal = {
  clientId: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
  secret: 'lab-secret',
  subscriptionId: '0b1c2d3e-4f50-4a61-8b72-9c83ad94be05',
  resourceGroup: 'keyroll-lab',
} as const;

/** Its certificate, signed by itself, and the key of that. PEM. */
export async function makePrincipal(): Promise<{ certificate: string; key: string }> {
  const key = await generateKey({ type: 'rsa', bits: 2048 });
  const now = Date.now();
  const validity = { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + 30 * 86_400_000) };
  return {
    certificate: mintAuthority({ commonName: 'keyroll-lab', key, validity }).pem,
    key: key.privatePem,
  };
}

/** The Azure part of aks-engine's command line, by secret or by certificate. */
export function azureArguments(
  clusterDir: string,
  identitySystem: 'azure_ad' | 'adfs',
  method: 'client_secret' | 'client_certificate',
): string[] {
  const proof =
    method === 'client_secret'
      ? ['--client-secret', principal.secret]
      : [
          ...['--certificate-path', `${clusterDir}/azure-client.crt`],
          ...['--private-key-path', `${clusterDir}/azure-client.key`],
        ];
  return [
    ...['--location', 'local', '--azure-env', 'AzureStackCloud', '--identity-system', identitySystem],
    ...['--subscription-id', principal.subscriptionId, '--resource-group', principal.resourceGroup],
    ...['--client-id', principal.clientId, '--auth-method', method, ...proof],
  ];
}
