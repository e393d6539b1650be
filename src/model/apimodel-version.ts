import { parseJson } from './apimodel-file.js';

/** Kubernetes minors of 1.x between which the method was tried, both included. */
const tried = { from: 20, to: 36 };
/** Releases of AKS Engine whose clusters the layout was read from. */
const triedEngine = /^v?0\.85\./;

/** Whether anybody tried this version: a word of warning, no refusal. */
export function versionWarnings(kubernetesVersion: string, file: string): string[] {
  const [, major, minor] = /^v?(\d+)\.(\d+)\./.exec(kubernetesVersion) ?? [];
  if (Number(major) === 1 && Number(minor) >= tried.from && Number(minor) <= tried.to) return [];
  return [
    `${file}: properties.orchestratorProfile.orchestratorVersion: Kubernetes ${kubernetesVersion} was not tried with keyroll ` +
      `(1.${tried.from} to 1.${tried.to} were); rotate a staging cluster of the same version first`,
  ];
}

/**
 * The same for the release of AKS Engine, which only `azuredeploy.parameters.json` tells.
 * @param text of that file; undefined when there is none
 */
export function engineWarnings(text: string | undefined, file: string): string[] {
  if (text === undefined) return [];
  const document = parseJson(text, file, 'restore the file as deployed') as {
    parameters?: { aksEngineVersion?: { value?: unknown } };
  };
  const version = document.parameters?.aksEngineVersion?.value;
  if (typeof version !== 'string' || triedEngine.test(version)) return [];
  return [
    `${file}: parameters.aksEngineVersion: AKS Engine ${version} was not tried with keyroll (0.85 was); ` +
      'rotate a staging cluster of the same version first',
  ];
}
