import { credentialsOn, etcdCredential, mastersOf, type Facts } from '../../../src/plan/facts.js';
import { argumentsOf } from '../../../src/plan/manifest.js';
import type { Materials } from '../../../src/model/materials.js';
import type { Content, PlannedFile } from '../../../src/model/plan.js';

export type Side = 'old' | 'new';
/** CAs that somebody accepts. */
export type Trust = ReadonlySet<Side>;

export interface ApiServer {
  readonly arguments: readonly string[];
  /** CAs of clients, accepted service-account keys, the key that signs, and the CA by which etcd is judged. */
  readonly clients: Trust;
  readonly verifies: Trust;
  readonly signs: Side;
  readonly etcd: Trust;
}
export interface ControllerManager {
  readonly arguments: readonly string[];
  readonly trust: Trust;
  readonly rootCa: Side;
  readonly signs: Side;
}
/** What a pod was started with. */
export interface Pod {
  trust: Trust;
  token: Side;
}

/** A node: what is on its disk, and what its processes hold in memory. */
export interface WorldNode {
  readonly name: string;
  readonly isMaster: boolean;
  readonly disk: Map<string, string>;
  readonly original: ReadonlyMap<string, string>;
  /** What complete.sh would do at boot. */
  pending: (() => void) | undefined;
  api: ApiServer | undefined;
  manager: ControllerManager | undefined;
  etcd: Trust;
  kubelet: { trust: Trust; certificate: Side };
  pod: Pod;
}

/**
 * A cluster without machines, just as far as a rotation goes through it: files by content, processes by what they read
 * when they started. Whoever trusts and shows what is told in the words of the two sides.
 */
export class World {
  readonly nodes: ReadonlyMap<string, WorldNode>;
  rootCa: Side = 'old';
  newAdmin = false;
  proxyCerts = 'old-proxycerts-key';

  constructor(
    readonly facts: Facts,
    readonly materials: Materials,
  ) {
    this.nodes = new Map(facts.nodes.map(({ name, role }) => [name, this.#node(name, role === 'master')]));
    for (const node of this.nodes.values()) this.boot(node);
  }

  #node(name: string, isMaster: boolean): WorldNode {
    const { files = new Map<string, never>(), keys = new Map<string, never>() } =
      this.facts.inventories.get(name) ?? {};
    const original = new Map([
      ...[...files.values()].map(({ path, content }) => [path, content] as const),
      ...[...keys.values()].map(({ path }) => [path, `key of ${name}: ${path}`] as const),
    ]);
    const old: Trust = new Set(['old']);
    return {
      ...{ name, isMaster, original, disk: new Map(original), pending: undefined },
      ...{ api: undefined, manager: undefined, etcd: old },
      kubelet: { trust: old, certificate: 'old' },
      pod: { trust: old, token: 'old' },
    };
  }

  node(name: string): WorldNode {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`there is no node ${name}`);
    return node;
  }

  get masters(): WorldNode[] {
    return mastersOf(this.facts).map(({ name }) => this.node(name));
  }

  /** The node loses its power and comes back: what was half done is completed, then all start from the disk. */
  boot(node: WorldNode): void {
    node.pending?.();
    node.pending = undefined;
    node.kubelet = { ...node.kubelet, trust: this.trustOf(node, this.facts.layout.ca) };
    if (!node.isMaster) return;
    this.startEtcd(node);
    this.startApi(node);
    this.startManager(node);
  }

  startEtcd(node: WorldNode): void {
    node.etcd = this.trustOf(node, this.facts.layout.ca);
  }

  /** kubelet starts what the folder says; of two manifests it would start both. */
  startApi(node: WorldNode): void {
    const text = this.#manifest(node, this.facts.layout.apiServer.manifest);
    if (text === undefined) {
      node.api = undefined;
      return;
    }
    const flags = argumentsOf(text, node.name);
    node.api = {
      arguments: flags,
      clients: this.trustOf(node, valueOf(flags, '--client-ca-file')),
      verifies: new Set(
        valuesOf(flags, '--service-account-key-file').map((path) => this.#keySide(node, path)),
      ),
      signs: this.#keySide(node, valueOf(flags, '--service-account-signing-key-file')),
      etcd: this.trustOf(node, this.facts.layout.ca),
    };
  }

  startManager(node: WorldNode): void {
    const text = this.#manifest(node, this.facts.layout.controllerManager.manifest);
    if (text === undefined) {
      node.manager = undefined;
      return;
    }
    const flags = argumentsOf(text, node.name);
    const kubeconfig = node.disk.get(valueOf(flags, '--kubeconfig')) ?? '';
    const rootCa = this.trustOf(node, valueOf(flags, '--root-ca-file'));
    if (rootCa.size !== 1) throw new Error(`${node.name}: a root CA that is a bundle`);
    node.manager = {
      arguments: flags,
      trust: this.trustOf(node, /ca: (\S+)/.exec(kubeconfig)?.[1] ?? ''),
      rootCa: rootCa.has('new') ? 'new' : 'old',
      signs: this.#keySide(node, valueOf(flags, '--service-account-private-key-file')),
    };
    if (node.name === this.facts.controllerManagerLeader) this.rootCa = node.manager.rootCa;
  }

  #manifest(node: WorldNode, name: string): string | undefined {
    const prefix = `${this.facts.layout.manifests}/${name.replace(/\.yaml$/, '')}`;
    const found = [...node.disk].filter(([path]) => path.startsWith(prefix));
    if (found.length > 1)
      throw new Error(`${node.name}: two manifests: ${found.map(([path]) => path).join()}`);
    return found[0]?.[1];
  }

  /** Which CAs a file on a node holds. */
  trustOf(node: WorldNode, path: string): Trust {
    const text = node.disk.get(path);
    if (text === undefined) throw new Error(`${node.name}: ${path} is missing`);
    if (text === this.materials.get('ca.crt')) return new Set(['new']);
    if (text === this.materials.get('old-ca.crt')) return new Set(['old']);
    if (text === this.textOf(node, '', { material: 'ca.bundle' })) return new Set(['old', 'new']);
    throw new Error(`${node.name}: ${path} holds no CA`);
  }

  #keySide(node: WorldNode, path: string): Side {
    const text = node.disk.get(path);
    if (text === undefined) throw new Error(`${node.name}: ${path} is missing`);
    return text === node.original.get(path) || text.includes('sa-old') ? 'old' : 'new';
  }

  /** A certificate file as it is shown: whose CA signed it, and whether a bridge stands behind it. */
  leaf(node: WorldNode, path: string): { side: Side; bridged: boolean } {
    const text = node.disk.get(path) ?? '';
    const original = node.original.get(path) ?? '';
    if (text === original) return { side: 'old', bridged: false };
    if (text === `${original}+bridge-back.crt`) return { side: 'old', bridged: true };
    return { side: 'new', bridged: text.includes('.chain') };
  }

  /** Both files of a pair are of one side. */
  isPair(node: WorldNode, certificate: string, key: string): boolean {
    const keySide = node.disk.get(key) === node.original.get(key) ? 'old' : 'new';
    return this.leaf(node, certificate).side === keySide;
  }

  /** The files that a planned file list leaves, by path; what a file held at the start is told by `original`. */
  textOf(node: WorldNode, path: string, content: Content): string | undefined {
    if ('text' in content) return content.text;
    if ('original' in content) {
      const original = node.original.get(path);
      return content.append === undefined ? original : `${original ?? ''}+${content.append}`;
    }
    const { material } = content;
    return /^(old-)?ca\.crt$/.test(material) ? this.materials.get(material) : `material ${material}`;
  }

  put(node: WorldNode, files: readonly PlannedFile[]): void {
    for (const { path, content } of files) {
      const text = this.textOf(node, path, content);
      if (text !== undefined) node.disk.set(path, text);
    }
  }

  credential(node: WorldNode, name: string): { certificate: string; key: string } {
    const spec = credentialsOn(this.facts, this.#planned(node)).find((each) => each.name === name);
    if (!spec) throw new Error(`${node.name} holds no ${name}`);
    return spec;
  }

  etcdCertificate(node: WorldNode, flag: '--cert-file' | '--peer-cert-file'): string {
    return etcdCredential(this.facts, this.#planned(node), flag).certificate;
  }

  #planned(node: WorldNode): Facts['nodes'][number] {
    const found = this.facts.nodes.find(({ name }) => name === node.name);
    if (!found) throw new Error(`${node.name} is in no plan`);
    return found;
  }
}

function valuesOf(flags: readonly string[], flag: string): string[] {
  return flags.filter((text) => text.startsWith(`${flag}=`)).map((text) => text.slice(flag.length + 1));
}
function valueOf(flags: readonly string[], flag: string): string {
  return valuesOf(flags, flag)[0] ?? '';
}
