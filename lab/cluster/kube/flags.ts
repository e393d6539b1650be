/** Flags of one program by name (`--v`), in the order in which they are given. */
export type Flags = Readonly<Record<string, string>>;

/** Flags that a program takes, and those of the wish that it does not know. */
export interface ChosenFlags {
  readonly args: readonly string[];
  readonly dropped: readonly string[];
}

/** The flags that a help text describes, such as `--v`. */
export function flagsInHelp(help: string): ReadonlySet<string> {
  const described = help.matchAll(/^\s*(?:-\w, )?(--[a-z0-9][a-zA-Z0-9-]*)/gm);
  return new Set([...described].map(([, flag = '']) => flag));
}

/** The feature gates that a help text lists below `--feature-gates`. */
export function gatesInHelp(help: string): ReadonlySet<string> {
  return new Set([...help.matchAll(/\b([A-Z]\w+)=true\|false/g)].map(([, gate = '']) => gate));
}

/**
 * Of the wanted flags those that a program knows by its help text, as `--name=value`. Of a list of feature gates only
 * the known ones stay, since one unknown gate ends the program; a flag without any gate left is dropped.
 */
export function chooseFlags(wanted: Flags, help: string): ChosenFlags {
  const known = flagsInHelp(help);
  if (known.size === 0)
    throw new Error('this help text describes no flag; expected the output of `… --help`');
  const gates = gatesInHelp(help);
  const args: string[] = [];
  const dropped: string[] = [];
  for (const [flag, value] of Object.entries(wanted)) {
    const kept = flag === '--feature-gates' ? knownGates(value, gates) : value;
    if (known.has(flag) && kept !== undefined) args.push(`${flag}=${kept}`);
    else dropped.push(flag);
  }
  return { args, dropped };
}

function knownGates(value: string, gates: ReadonlySet<string>): string | undefined {
  const kept = value.split(',').filter((each) => gates.has(each.split('=')[0] ?? ''));
  return kept.length === 0 ? undefined : kept.join(',');
}

/** Major and minor version in the output of `--version`, such as `Kubernetes v1.20.2`. */
export function minorVersion(output: string): number {
  const found = /v1\.(\d+)\./.exec(output)?.[1];
  if (found === undefined)
    throw new Error(`"${output.trim()}" names no version; expected such as Kubernetes v1.20.2`);
  return Number(found);
}

/**
 * The kubelet's settings that have no flag: from 1.31 on it must be told to run on cgroup version 1.
 * @returns the text of its configuration file, or undefined where it needs none
 */
export function kubeletConfigurationFile(minor: number, cgroupVersion1: boolean): string | undefined {
  if (minor < 31 || !cgroupVersion1) return undefined;
  return [
    'apiVersion: kubelet.config.k8s.io/v1beta1',
    'kind: KubeletConfiguration',
    'failCgroupV1: false',
    '',
  ].join('\n');
}
