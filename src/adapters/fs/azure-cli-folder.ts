import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the Azure CLI keeps what it knows: `AZURE_CONFIG_DIR`, or `~/.azure`. */
export function azureCliFolder(environment: Readonly<Record<string, string | undefined>>): string {
  return environment['AZURE_CONFIG_DIR'] || join(homedir(), '.azure');
}

/**
 * The subscription that is selected in the Azure CLI: of the cloud that `config` names (`AzureCloud` by default) in
 * `clouds.config`, where aks-engine looks too, else the default one in `azureProfile.json`.
 * @returns undefined when neither file says, or the folder is absent
 */
export function selectedSubscription(folder: string): string | undefined {
  const cloud = iniValue(text(folder, 'config'), 'cloud', 'name') ?? 'AzureCloud';
  return iniValue(text(folder, 'clouds.config'), cloud, 'subscription') ?? defaultOf(folder, cloud);
}

/** '' for a file that is not there. */
function text(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code)))
      return '';
    throw error;
  }
}

function iniValue(ini: string, section: string, key: string): string | undefined {
  let within = false;
  for (const line of ini.split(/\r?\n/)) {
    const title = /^\s*\[(.*)\]\s*$/.exec(line)?.[1];
    if (title !== undefined) within = title.trim() === section;
    const [, name, value] = /^\s*([^=:#;]+?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    if (within && name === key && value !== '') return value;
  }
  return undefined;
}

interface Profile {
  subscriptions?: { id?: string; isDefault?: boolean; environmentName?: string }[];
}

function defaultOf(folder: string, cloud: string): string | undefined {
  const file = 'azureProfile.json';
  const json = text(folder, file);
  if (json === '') return undefined;
  try {
    const all = (JSON.parse(json) as Profile).subscriptions ?? [];
    const selected = all.filter(({ isDefault }) => isDefault === true);
    return (selected.find(({ environmentName }) => environmentName === cloud) ?? selected[0])?.id;
  } catch (cause) {
    const next = 'log in with the Azure CLI again, or give --subscription-id';
    throw new Error(`${join(folder, file)}: is not JSON; expected the Azure CLI's profile; ${next}`, {
      cause,
    });
  }
}
