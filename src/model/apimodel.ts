import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ModelError } from './apimodel-error.js';
import { parseJson, readText, validate } from './apimodel-file.js';
import { masterFqdn, normalizeLocation } from './apimodel-fqdn.js';
import { replaceStrings } from './apimodel-splice.js';
import { apiModelSchema, type ApiModelDocument } from './apimodel-schema.js';
import { profileValues, toProfile, type CertificateProfile } from './certificate-profile.js';
import { ownNames } from './apimodel-names.js';
import { engineWarnings, versionWarnings } from './apimodel-version.js';
import { profileProblems } from './profile-problems.js';

/** What a rotation needs of an aks-engine API model (`vlabs`). */
export interface ApiModel {
  readonly file: string;
  /** The whole file, as it is. */
  readonly text: string;
  /** Lower case without spaces. */
  readonly location: string;
  readonly kubernetesVersion: string;
  readonly adminUsername: string;
  /** Name of the masters' load balancer; the server of a public cluster's kubeconfig. */
  readonly fqdn: string;
  readonly dnsPrefix: string;
  /** kube-apiserver's `--secure-port`, which is the load balancer's too; undefined: the layout's. */
  readonly apiPort?: number;
  readonly privateCluster: boolean;
  readonly masters: {
    readonly count: number;
    readonly availability: 'AvailabilitySet' | 'VirtualMachineScaleSets';
    readonly firstConsecutiveStaticIP?: string;
    /** Where the SSH listener that leads to them listens: scale sets are reached by a NAT rule. */
    readonly sshPort: number;
  };
  readonly pools: readonly AgentPool[];
  /** `masterProfile.subjectAltNames`: what the operator wants in the API server's certificate besides. */
  readonly extraSans: readonly string[];
  readonly certificateProfile: CertificateProfile;
  /** Names that kube-apiserver's certificate cannot do without, `DNS:…` and `IP:…`. */
  readonly ownNames: readonly string[];
  /** What is unusual, though no reason to stop. */
  readonly warnings: readonly string[];
}

export interface AgentPool {
  readonly name: string;
  readonly count: number;
  readonly os: 'Linux' | 'Windows';
}

export interface ApiModelOptions {
  /** Stands in for a location that the model lacks, and must agree with one that it has. */
  readonly location?: string | undefined;
  /** Default: now. */
  readonly now?: Date | undefined;
  /** Take certificates that have expired, too. */
  readonly expiredToo?: boolean | undefined;
}

/** What aks-engine calls the parameters of its ARM template, beside the API model. */
export const parametersName = 'azuredeploy.parameters.json';

const ADVICE = "use the apimodel.json from the cluster's aks-engine output folder (_output/<cluster>/)";
const PROFILE = ['properties', 'certificateProfile'];

/**
 * Reads and checks an API model.
 * @throws ModelError naming file, path, what was found, what was expected and what to do
 */
export async function readApiModel(file: string, options: ApiModelOptions = {}): Promise<ApiModel> {
  const model = parseApiModel(await readText(file, ADVICE), file, options);
  const parameters = join(dirname(file), parametersName);
  const text = existsSync(parameters) ? await readText(parameters, ADVICE) : undefined;
  return { ...model, warnings: [...model.warnings, ...engineWarnings(text, parameters)] };
}

/** As `readApiModel`, of a text that was read already; `file` is for errors. */
export function parseApiModel(text: string, file: string, options: ApiModelOptions = {}): ApiModel {
  const json = parseJson(text, file, ADVICE);
  const document = validate(apiModelSchema, json, { file, advice: ADVICE, secret: [PROFILE.join('.')] });
  const { orchestratorProfile, masterProfile, linuxProfile, customCloudProfile } = document.properties;
  const profile = toProfile(document.properties.certificateProfile);
  const location = locationOf(document, file, options);
  const apiPort = orchestratorProfile.kubernetesConfig?.apiServerConfig?.['--secure-port'];
  const vmDnsSuffix = customCloudProfile?.environment?.resourceManagerVMDNSSuffix;
  const fqdn = masterFqdn({
    fqdn: masterProfile.fqdn,
    dnsPrefix: masterProfile.dnsPrefix,
    location,
    vmDnsSuffix,
  });
  const names = ownNames(document, fqdn);
  checkProfile(profile, masterProfile.count, names, file, options);
  checkPlaces(text, profile, file);
  demandWindowsSsh(document, file);
  return {
    file,
    text,
    location,
    kubernetesVersion: orchestratorProfile.orchestratorVersion,
    adminUsername: linuxProfile.adminUsername,
    fqdn,
    dnsPrefix: masterProfile.dnsPrefix,
    ...(apiPort ? { apiPort: Number(apiPort) } : {}),
    privateCluster: orchestratorProfile.kubernetesConfig?.privateCluster?.enabled ?? false,
    masters: mastersOf(document),
    pools: poolsOf(document),
    extraSans: masterProfile.subjectAltNames ?? [],
    certificateProfile: profile,
    ownNames: names,
    warnings: versionWarnings(orchestratorProfile.orchestratorVersion, file),
  };
}

/** @throws ModelError with the first problem */
function checkProfile(
  profile: CertificateProfile,
  masters: number,
  names: readonly string[],
  file: string,
  { now = new Date(), expiredToo = false }: ApiModelOptions,
): void {
  const wish = { masters, now, names: { apiServerCertificate: names }, expiredToo, fresh: false };
  const [problem] = profileProblems(profile, wish);
  if (problem) throw new ModelError(file, `${PROFILE.join('.')}.${problem.path}`, problem.what);
}

/** @throws ModelError when there are Windows nodes whose SSH is off: there is no other way to them */
function demandWindowsSsh({ properties }: ApiModelDocument, file: string): void {
  if (properties.windowsProfile?.sshEnabled !== false) return;
  const pools = (properties.agentPoolProfiles ?? []).filter(({ osType }) => osType === 'Windows');
  const names = pools.map(({ name }) => name).join(', ') || 'none yet';
  throw new ModelError(
    file,
    'properties.windowsProfile.sshEnabled',
    `found false; expected true, since Windows nodes (pools: ${names}) are rotated over SSH; ` +
      'enable SSH on these nodes and say so here, or remove the pools',
  );
}

/** Whether each value can be replaced is known before a rotation begins, not when it ends. */
function checkPlaces(text: string, profile: CertificateProfile, file: string): void {
  const unchanged = profileValues(profile).map(({ path, pem }) => ({
    path: [...PROFILE, ...path],
    value: pem,
  }));
  replaceStrings(text, unchanged, file);
}

function locationOf(document: ApiModelDocument, file: string, options: ApiModelOptions): string {
  const own = normalizeLocation(document.location ?? '');
  const given = normalizeLocation(options.location ?? '');
  if (own !== '' && given !== '' && own !== given) {
    throw new ModelError(
      file,
      'location',
      `found "${own}"; expected "${given}" as --location says; correct the flag`,
    );
  }
  if (own === '' && given === '') {
    throw new ModelError(
      file,
      'location',
      'found nothing; expected the Azure location; give it with --location',
    );
  }
  return own || given;
}

function mastersOf({ properties: { masterProfile } }: ApiModelDocument): ApiModel['masters'] {
  const address = masterProfile.firstConsecutiveStaticIP;
  const availability = masterProfile.availabilityProfile || 'AvailabilitySet';
  return {
    count: masterProfile.count,
    availability,
    sshPort: availability === 'AvailabilitySet' ? 22 : 50001,
    ...(address ? { firstConsecutiveStaticIP: address } : {}),
  };
}

const poolsOf = ({ properties }: ApiModelDocument): AgentPool[] =>
  (properties.agentPoolProfiles ?? []).map(({ name, count, osType }) => ({
    name,
    count,
    os: osType || 'Linux',
  }));
