import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { network } from '../plan.js';
import { apiModel, type ModelInputs } from './apimodel.js';
import { adminKubeconfig } from './kubeconfig.js';
import { deploymentParameters, deploymentTemplate } from './template.js';

/** Writes what aks-engine leaves with the operator into a folder; files with keys are readable by root alone. */
export async function writeModel(folder: string, inputs: ModelInputs): Promise<void> {
  const files: Record<string, string> = {
    'apimodel.json': apiModel(inputs),
    'azuredeploy.json': deploymentTemplate(inputs),
    'azuredeploy.parameters.json': deploymentParameters(inputs),
    [`kubeconfig/kubeconfig.${network.location}.json`]: adminKubeconfig(
      inputs.plan,
      inputs.pki,
      `https://${inputs.plan.fqdn}`,
    ),
  };
  for (const [name, text] of Object.entries(files)) await writePrivate(join(folder, name), text);
}

async function writePrivate(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await chmod(dirname(file), 0o700);
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
