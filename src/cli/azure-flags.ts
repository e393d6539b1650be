import { Option } from 'commander';
import type { AzureOptions } from '../adapters/azure/options.js';
import { path } from './flags.js';
import { readable } from './secrets.js';
import { UsageError } from './usage-error.js';

/** What the Azure flags of aks-engine come out as; the secret was looked up already. */
export interface AzureFlags {
  readonly subscriptionId?: string | undefined;
  readonly resourceGroup?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly azureEnv: string;
  readonly authMethod: string;
  readonly certificatePath?: string | undefined;
  readonly privateKeyPath?: string | undefined;
  readonly azureCaFile?: string | undefined;
  readonly identitySystem: string;
}

/** Names by which Azure's own libraries know the clouds, in lower case. */
const environments: Readonly<Record<string, string>> = {
  azurepubliccloud: 'AzurePublicCloud',
  azurecloud: 'AzurePublicCloud',
  azurechinacloud: 'AzureChinaCloud',
  azuregermancloud: 'AzureGermanCloud',
  azureusgovernmentcloud: 'AzureUSGovernmentCloud',
  azureusgovernment: 'AzureUSGovernmentCloud',
  azurestackcloud: 'AzureStackCloud',
};

/** Flags by which Azure's own API is reached, as aks-engine names them. */
export function azureFlags(): Option[] {
  return [
    new Option(
      '-s, --subscription-id <id>',
      "subscription of the cluster; default: the Azure CLI's selected one",
    ),
    new Option('-g, --resource-group <name>', 'resource group of the cluster'),
    new Option('--client-id <id>', 'service principal'),
    new Option('--client-secret <secret>', 'its secret (for --auth-method client_secret)'),
    new Option('--client-secret-file <file>', 'file that holds the secret').argParser(path),
    new Option('--azure-env <name>', 'Azure cloud').default('AzurePublicCloud'),
    new Option('--auth-method <method>', 'client_secret or client_certificate').default('client_secret'),
    new Option('--certificate-path <file>', 'its certificate (for client_certificate)').argParser(path),
    new Option('--private-key-path <file>', "its certificate's key (for client_certificate)").argParser(path),
    new Option('--identity-system <system>', 'azure_ad or adfs').default('azure_ad'),
    new Option(
      '--azure-ca-file <file>',
      "CA of a stack's own servers, PEM, besides those that Node trusts",
    ).argParser(path),
    new Option('--language <language>', 'accepted; messages are in English').default('en-us'),
  ];
}

/** Azure's options, or what is missing for them: then Azure's API is not asked, since a rolling rotation needs SSH alone. */
export type AzureSettled =
  | { readonly azure: AzureOptions; readonly notes: readonly string[] }
  | { readonly azure: undefined; readonly notes: readonly string[] };

/**
 * @param cliSubscription the Azure CLI's selected subscription, if there is one
 * @throws UsageError for a cloud that nobody knows
 */
export function azureOptionsOf(flags: AzureFlags, cliSubscription: () => string | undefined): AzureSettled {
  const environment = environments[flags.azureEnv.toLowerCase()];
  if (environment === undefined) {
    const known = [...new Set(Object.values(environments))].join(', ');
    throw new UsageError(`--azure-env: found "${flags.azureEnv}"; expected AzureCloud, ${known}`);
  }
  if (!wanted(flags)) return { azure: undefined, notes: [] };
  const missing: string[] = [];
  const need = (value: string | undefined, flag: string): string => {
    if (value === undefined || value === '') missing.push(flag);
    return value ?? '';
  };
  const given = uuid(flags.subscriptionId ?? '');
  const subscription = given ?? uuid(cliSubscription() ?? '');
  const azure: AzureOptions = {
    environment,
    subscriptionId: need(subscription, '--subscription-id (a UUID)'),
    resourceGroup: need(flags.resourceGroup, '--resource-group'),
    clientId: need(uuid(flags.clientId ?? ''), '--client-id (a UUID)'),
    identitySystem: identitySystem(flags.identitySystem, missing),
    credential: credential(flags, need, missing),
    ...(flags.azureCaFile ? { authorities: readable(flags.azureCaFile, '--azure-ca-file') } : {}),
  };
  if (missing.length > 0) {
    const note = `Azure's API is not asked: missing or unknown are ${missing.join(', ')}. The rotation itself needs SSH alone`;
    return { azure: undefined, notes: [note] };
  }
  if (given !== undefined) return { azure, notes: [] };
  return { azure, notes: [`the subscription is the Azure CLI's selected one, ${azure.subscriptionId}`] };
}

function wanted({ subscriptionId, resourceGroup, clientId, clientSecret, ...flags }: AzureFlags): boolean {
  const given = [subscriptionId, resourceGroup, clientId, clientSecret, flags.certificatePath];
  return given.some((value) => value !== undefined && value !== '');
}

function identitySystem(text: string, missing: string[]): AzureOptions['identitySystem'] {
  if (text === 'adfs' || text === 'azure_ad') return text;
  missing.push(`--identity-system ("${text}"; azure_ad and adfs are known)`);
  return 'azure_ad';
}

function credential(
  flags: AzureFlags,
  need: (value: string | undefined, flag: string) => string,
  missing: string[],
): AzureOptions['credential'] {
  if (flags.authMethod === 'client_certificate') {
    return {
      method: 'client_certificate',
      certificate: textOf(need(flags.certificatePath, '--certificate-path'), '--certificate-path'),
      key: textOf(need(flags.privateKeyPath, '--private-key-path'), '--private-key-path'),
    };
  }
  if (flags.authMethod !== 'client_secret')
    missing.push(`--auth-method ("${flags.authMethod}"; client_secret and client_certificate are known)`);
  return { method: 'client_secret', secret: need(flags.clientSecret, '--client-secret') };
}

const textOf = (file: string, flag: string): string => (file === '' ? '' : readable(file, flag));

/** A UUID in the forms that Go's parser takes, in the plain one; undefined for anything else and for the nil UUID. */
function uuid(text: string): string | undefined {
  const hex = /^(?:urn:uuid:|\{)?([0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})\}?$/i.exec(text)?.[1];
  const digits = hex?.replaceAll('-', '').toLowerCase();
  if (digits === undefined || /^0+$/.test(digits)) return undefined;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
