import type { ClusterNode } from '../model/cluster.js';
import type { ManifestSwap } from '../model/plan.js';
import { fileOf, manifestPath, originalArguments, type Facts } from './facts.js';
import { podNameOf, withChange } from './manifest.js';

type Flags = ReadonlyMap<string, readonly string[]>;

/** What a phase's manifest is called: the original's name with the phase behind it. */
function fileFor(manifest: string, phase: string): string {
  return phase === 'original' ? manifest : manifest.replace(/\.yaml$/, `-${phase}.yaml`);
}

/**
 * The swap of one static pod from what phase `from` left to what phase `to` wants. The file and the pod get other
 * names, since kubelet starts the new pod at once only then; `original` is byte for byte what was found at the start.
 */
function swap(
  facts: Facts,
  node: ClusterNode,
  program: string,
  manifest: string,
  from: string,
  to: string,
  flags: Flags,
): ManifestSwap {
  const original = fileOf(facts, node.name, manifestPath(facts, manifest)).content;
  const where = `node ${node.name}: ${manifest}`;
  const text =
    to === 'original'
      ? original
      : withChange(original, { podName: `${podNameOf(original, where)}-${to}`, flags }, where);
  return {
    program,
    old: fileFor(manifest, from),
    new: fileFor(manifest, to),
    text,
    arguments: expected(facts, node, manifest, flags),
  };
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

function controllerManagerFlags(facts: Facts): Flags {
  const { own } = facts.layout;
  return new Map([
    ['--cluster-signing-cert-file', [`${own}/ca-new.crt`]],
    ['--cluster-signing-key-file', [`${own}/ca-new.key`]],
    ['--service-account-private-key-file', [`${own}/sa-new.key`]],
    ['--root-ca-file', [`${own}/ca-new.crt`]],
    ['--kubeconfig', [`${own}/kubeconfig`]],
  ]);
}

/** kube-apiserver knows both service-account keys and both CAs, and signs with the old key. */
export function apiServerTrust(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.apiServer;
  return swap(facts, node, program, manifest, 'original', 'trust', apiServerFlags(facts, 'sa-old.key'));
}

/** The same, signing with the new key. */
export function apiServerPresent(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.apiServer;
  return swap(facts, node, program, manifest, 'trust', 'present', apiServerFlags(facts, 'sa-new.key'));
}

/** Back to the manifest of the start, whose files are all new by now. */
export function apiServerDistrust(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.apiServer;
  const flags = originalFlags(facts, node, manifest, apiServerFlags(facts, '').keys());
  return swap(facts, node, program, manifest, 'present', 'original', flags);
}

/** kube-controller-manager signs with the new keys and hands out the new CA alone. */
export function controllerManagerPresent(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.controllerManager;
  return swap(facts, node, program, manifest, 'original', 'present', controllerManagerFlags(facts));
}

/** Back to the manifest of the start. */
export function controllerManagerDistrust(facts: Facts, node: ClusterNode): ManifestSwap {
  const { program, manifest } = facts.layout.controllerManager;
  const flags = originalFlags(facts, node, manifest, controllerManagerFlags(facts).keys());
  return swap(facts, node, program, manifest, 'present', 'original', flags);
}
