import type { ClusterNode } from '../model/cluster.js';
import type { ManifestSwap, Side } from '../model/plan.js';
import { fileOf, manifestPath, originalArguments, type Facts } from './facts.js';
import { podNameOf, withChange } from './manifest.js';

type Flags = ReadonlyMap<string, readonly string[]>;

/** What a manifest is called for as long as it is not the original: a phase's name, or the way back. */
const variants = ['original', 'trust', 'present', 'back'] as const;
type Variant = (typeof variants)[number];

/** The original's name, with the variant behind it. */
function fileFor(manifest: string, variant: Variant): string {
  return variant === 'original' ? manifest : manifest.replace(/\.yaml$/, `-${variant}.yaml`);
}

/** All names that a static pod's manifest may have during a rotation, the original's first. */
export function manifestNames(manifest: string): string[] {
  return variants.map((variant) => fileFor(manifest, variant));
}

/**
 * The swap of one static pod to what a phase wants, from whatever is there. The file and the pod get other names, since
 * kubelet starts the new pod at once only then; `original` is byte for byte what was found at the start.
 */
function swap(
  facts: Facts,
  node: ClusterNode,
  program: string,
  manifest: string,
  to: Variant,
  flags: Flags,
): ManifestSwap {
  const { content: original, mode, owner } = fileOf(facts, node.name, manifestPath(facts, manifest));
  const where = `node ${node.name}: ${manifest}`;
  const text =
    to === 'original'
      ? original
      : withChange(original, { podName: `${podNameOf(original, where)}-${to}`, flags }, where);
  const name = fileFor(manifest, to);
  const old = manifestNames(manifest).filter((candidate) => candidate !== name);
  const args = expected(facts, node, manifest, flags);
  return { program, old, new: name, mode, owner, text, arguments: args };
}

/** The arguments by which the new process is told from the old one: the flags that change, as they will be. */
function expected(facts: Facts, node: ClusterNode, manifest: string, flags: Flags): string[] {
  const present = originalArguments(facts, node.name, manifest);
  return [...flags]
    .filter(([flag]) => present.some((argument) => argument.startsWith(`${flag}=`)))
    .flatMap(([flag, values]) => values.map((value) => `${flag}=${value}`));
}

function originalFlags(facts: Facts, node: ClusterNode, manifest: string, names: Iterable<string>): Flags {
  const present = originalArguments(facts, node.name, manifest);
  const valuesOf = (flag: string): string[] =>
    present
      .filter((argument) => argument.startsWith(`${flag}=`))
      .map((argument) => argument.slice(flag.length + 1));
  return new Map([...names].map((flag) => [flag, valuesOf(flag)]));
}

function apiServerFlags(facts: Facts, signingKey: string): Flags {
  const { own } = facts.layout;
  return new Map([
    ['--client-ca-file', [`${own}/client-ca.crt`]],
    ['--service-account-key-file', [`${own}/sa-old.pub`, `${own}/sa-new.pub`]],
    ['--service-account-signing-key-file', [`${own}/${signingKey}`]],
  ]);
}

function controllerManagerFlags(facts: Facts, side: Side): Flags {
  const { own } = facts.layout;
  const kubeconfig = side === 'new' ? 'kubeconfig' : 'kubeconfig-old';
  return new Map([
    ['--cluster-signing-cert-file', [`${own}/ca-${side}.crt`]],
    ['--cluster-signing-key-file', [`${own}/ca-${side}.key`]],
    ['--service-account-private-key-file', [`${own}/sa-${side}.key`]],
    ['--root-ca-file', [`${own}/ca-${side}.crt`]],
    ['--kubeconfig', [`${own}/${kubeconfig}`]],
  ]);
}

/** kube-apiserver knows both service-account keys and both CAs, and signs with the old key. */
export function apiServerTrust(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.apiServer;
  return swap(facts, node, program, manifest, 'trust', apiServerFlags(facts, 'sa-old.key'));
}

/** The same, signing with the new key. */
export function apiServerPresent(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.apiServer;
  return swap(facts, node, program, manifest, 'present', apiServerFlags(facts, 'sa-new.key'));
}

/** The manifest of the start, whose files are all of one side by now. */
export function apiServerOriginal(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.apiServer;
  const flags = originalFlags(facts, node, manifest, apiServerFlags(facts, '').keys());
  return swap(facts, node, program, manifest, 'original', flags);
}

/** On the way back: as in trust, under a name that kubelet has not seen before. */
export function apiServerBack(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.apiServer;
  return swap(facts, node, program, manifest, 'back', apiServerFlags(facts, 'sa-old.key'));
}

/** On the way back: it signs with the old keys and hands out the old CA alone. */
export function controllerManagerBack(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.controllerManager;
  return swap(facts, node, program, manifest, 'back', controllerManagerFlags(facts, 'old'));
}

/** kube-controller-manager signs with the new keys and hands out the new CA alone. */
export function controllerManagerPresent(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.controllerManager;
  return swap(facts, node, program, manifest, 'present', controllerManagerFlags(facts, 'new'));
}

/** The manifest of the start. */
export function controllerManagerOriginal(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.controllerManager;
  const flags = originalFlags(facts, node, manifest, controllerManagerFlags(facts, 'new').keys());
  return swap(facts, node, program, manifest, 'original', flags);
}
