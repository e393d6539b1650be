import type { CredentialSpec, Layout } from '../layouts/layout.js';
import { agents, masters, type ClusterNode } from '../model/cluster.js';
import type { NodeInventory, SeenFile } from '../model/inventory.js';
import type { PlannedFile } from '../model/plan.js';
import { argumentsOf } from './manifest.js';

/** What the way back is planned from: how far the rotation had come at most, and what the masters show now. */
export interface Back {
  /** Some certificate of the new side was put on a master. */
  readonly leaves: boolean;
  /** Some kube-apiserver signed tokens with the new key. */
  readonly signed: boolean;
  /** Some kube-controller-manager handed out the new CA. */
  readonly handedOut: boolean;
  /** Since when pods may hold the new side alone (ISO, early enough for clocks that differ); none: no one knows. */
  readonly since?: string;
  /** By name of the master. */
  readonly masters: ReadonlyMap<string, MasterStanding>;
}

/** What one master shows now. */
export interface MasterStanding {
  /** Its manifest is byte for byte the one of the start and the only one, and its process runs with those arguments. */
  readonly apiServerAsBefore: boolean;
  readonly controllerManagerAsBefore: boolean;
  /** Both ports name the old CA and not the new one. */
  readonly etcdAsBefore: boolean;
}

/** All that a plan is made from. `inventories` are those of the start: manifests and files as they were found. */
export interface Facts {
  readonly rotation: string;
  readonly layout: Layout;
  /** Linux nodes. */
  readonly nodes: readonly ClusterNode[];
  /** Windows agents; they have no inventory. */
  readonly windows?: readonly ClusterNode[];
  readonly inventories: ReadonlyMap<string, NodeInventory>;
  readonly adminUsername: string;
  /** Name of the master whose etcd member leads now. */
  readonly etcdLeader?: string;
  /** Name of the master whose kube-controller-manager holds the lease now. */
  readonly controllerManagerLeader?: string;
  /** The bridge stays in kube-apiserver's serving chain. */
  readonly leaveBridge: boolean;
  /** Masters are rebooted from outside instead of restarting services on them. */
  readonly reboot?: boolean;
  /** The cluster CA stays, and its leaves alone are renewed: what it signed before is accepted as before. */
  readonly sameAuthority?: boolean;
  /** The new cluster CA has the old one's subject: what servers name does not tell them apart. */
  readonly sameSubject?: boolean;
  /** For the way back. */
  readonly back?: Back;
}

/** @throws Error when no way back is planned */
export function backOf({ back }: Facts): Back {
  if (!back) throw new Error('a way back is planned from what the masters show, which was not looked at');
  return back;
}

export function mastersOf(facts: Facts): ClusterNode[] {
  return masters(facts.nodes);
}

/** The master whose etcd member leads comes last, since leadership moves away before its restart: to one that is done, unless it moves by itself too. */
export function leaderLast(facts: Facts): ClusterNode[] {
  const leads = (node: ClusterNode): boolean => node.name === facts.etcdLeader;
  const all = mastersOf(facts);
  return [...all.filter((node) => !leads(node)), ...all.filter(leads)];
}

export function agentsOf(facts: Facts): ClusterNode[] {
  return agents(facts.nodes);
}

export function inventoryOf(facts: Facts, node: string): NodeInventory {
  const inventory = facts.inventories.get(node);
  if (!inventory) throw new Error(`node ${node}: was not inspected`);
  return inventory;
}

/** A file as it was at the start. @throws Error when the node did not have it */
export function fileOf(facts: Facts, node: string, path: string): SeenFile {
  const file = inventoryOf(facts, node).files.get(path);
  if (!file)
    throw new Error(`node ${node}: ${path} is missing; is this node laid out as ${facts.layout.name}?`);
  return file;
}

export function manifestPath(facts: Facts, file: string): string {
  return `${facts.layout.manifests}/${file}`;
}

/** Credentials that this node holds, in the layout's order. */
export function credentialsOn(facts: Facts, node: ClusterNode): CredentialSpec[] {
  const { files } = inventoryOf(facts, node.name);
  return facts.layout
    .credentials(mastersOf(facts).length)
    .filter((spec) => spec.heldBy(node) || files.has(spec.certificate));
}

/** How the certificate file of a credential is called among the materials. */
export function certificateMaterial(spec: CredentialSpec, node: ClusterNode, bridged: boolean): string {
  if (spec.copies === 'each') return `${spec.name}@${node.name}.crt`;
  return bridged && spec.bridgeOn === 'master' && node.role === 'master'
    ? `${spec.name}.chain`
    : `${spec.name}.crt`;
}

function keyMaterial(spec: CredentialSpec, node: ClusterNode): string {
  return spec.copies === 'each' ? `${spec.name}@${node.name}.key` : `${spec.name}.key`;
}

/** The pair of a credential as files for a node: owner as it was, certificate mode as it was, key readable by its owner alone. */
export function pairFiles(
  facts: Facts,
  node: ClusterNode,
  spec: CredentialSpec,
  bridged: boolean,
): PlannedFile[] {
  const inventory = inventoryOf(facts, node.name);
  const seen = fileOf(facts, node.name, spec.certificate);
  const keyOwner = inventory.keys.get(spec.key)?.owner ?? seen.owner;
  return [
    {
      path: spec.certificate,
      mode: seen.mode,
      owner: seen.owner,
      content: { material: certificateMaterial(spec, node, bridged) },
    },
    { path: spec.key, mode: '600', owner: keyOwner, content: { material: keyMaterial(spec, node) } },
  ];
}

/** A certificate file with another content, owner and mode as they were. */
export function replaced(facts: Facts, node: string, path: string, material: string): PlannedFile {
  const seen = fileOf(facts, node, path);
  return { path, mode: seen.mode, owner: seen.owner, content: { material } };
}

/** A file as it was at the start, with a material behind it or not. Nothing when the node did not have it. */
export function original(facts: Facts, node: string, path: string, append?: string): PlannedFile[] {
  const { files, keys } = inventoryOf(facts, node);
  const seen = files.get(path) ?? keys.get(path);
  if (!seen) return [];
  const known = 'content' in seen ? seen.content : seen.fingerprint;
  const content = { original: known, ...(append === undefined ? {} : { append }) };
  return [{ path, mode: seen.mode, owner: seen.owner, content }];
}

/** The pair of a credential as it was at the start; `bridged`: with the bridge back behind the certificate. */
export function originalPair(
  facts: Facts,
  node: ClusterNode,
  spec: CredentialSpec,
  bridged: boolean,
): PlannedFile[] {
  const append = bridged && spec.bridgeOn === 'master' ? 'bridge-back.crt' : undefined;
  return [...original(facts, node.name, spec.certificate, append), ...original(facts, node.name, spec.key)];
}

/** A file in keyroll's own folder. */
export function ownFile(facts: Facts, name: string, material: string): PlannedFile {
  const secret = name.endsWith('.key');
  return {
    path: `${facts.layout.own}/${name}`,
    mode: secret ? '600' : '644',
    owner: 'root:root',
    content: { material },
  };
}

/** The value of a flag of etcd's on this master, from its defaults; undefined when it is not given. */
export function etcdFlag(facts: Facts, node: ClusterNode, flag: string): string | undefined {
  const { content } = fileOf(facts, node.name, facts.layout.etcdDefaults);
  return new RegExp(`(?:^|[\\s"'=])${flag}[= ]([^\\s"']+)`).exec(content)?.[1];
}

/** The credential that etcd uses as server or as peer on this master, read from its arguments. */
export function etcdCredential(
  facts: Facts,
  node: ClusterNode,
  flag: '--cert-file' | '--peer-cert-file',
): CredentialSpec {
  const path = etcdFlag(facts, node, flag);
  const spec = credentialsOn(facts, node).find((candidate) => candidate.certificate === path);
  if (!spec) {
    throw new Error(
      `node ${node.name}: ${facts.layout.etcdDefaults} has ${flag}=${path ?? '(nothing)'}, expected a certificate that ${facts.layout.name} names`,
    );
  }
  return spec;
}

/** The arguments that a static pod's manifest gave its program at the start. */
export function originalArguments(facts: Facts, node: string, manifest: string): string[] {
  return argumentsOf(fileOf(facts, node, manifestPath(facts, manifest)).content, `node ${node}: ${manifest}`);
}
