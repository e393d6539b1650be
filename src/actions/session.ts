import type { KubeClient } from '../adapters/kube/types.js';
import type { StateFolder } from '../adapters/fs/state-folder.js';
import type { NodeShell, WindowsShell } from '../adapters/ssh/types.js';
import type { Layout } from '../layouts/layout.js';
import type { ApiModel } from '../model/apimodel.js';
import { byOs, type ClusterNode } from '../model/cluster.js';
import type { NodeInventory } from '../model/inventory.js';
import { Materials } from '../model/materials.js';
import { publicKeyFingerprint } from '../pki/index.js';
import type { Facts } from '../plan/facts.js';
import type { Emit } from '../report/events.js';
import type { ApiIdentity, Reach } from './reach.js';
import { modelIdentity } from './reach.js';
import type { RotateOptions } from './options.js';

/** One run of keyroll on one rotation: what it knows, what it holds open, and whom it is to the API at present. */
export class Session {
  nodes: readonly ClusterNode[];
  /** When the rotation began (ISO); a run that takes it up keeps it. */
  startedAt = new Date().toISOString();
  materials: Materials;
  readonly notes: string[] = [];
  #kube: KubeClient;

  constructor(
    readonly options: RotateOptions,
    readonly model: ApiModel,
    readonly layout: Layout,
    readonly reach: Reach,
    readonly state: StateFolder,
    readonly emit: Emit,
    readonly serviceIp: string,
    readonly inventories: Map<string, NodeInventory>,
    nodes: readonly ClusterNode[],
    materials: ReadonlyMap<string, string>,
  ) {
    this.nodes = nodes;
    this.materials = new Materials(materials);
    this.#kube = reach.kube(modelIdentity(model));
  }

  get rotation(): string {
    return this.state.rotation;
  }

  kube = (): KubeClient => this.#kube;

  setMaterials(texts: ReadonlyMap<string, string>): void {
    this.materials = new Materials(texts);
  }

  /** Another identity for all requests from now on; those under way end with the old one. */
  async become(identity: ApiIdentity): Promise<void> {
    const before = this.#kube;
    this.#kube = this.reach.kube(identity);
    await before.close();
  }

  /** The admin of before, trusting both CAs. */
  get oldIdentity(): ApiIdentity {
    const [certificate, key] = [
      this.materials.get('old-kubectlClient.crt'),
      this.materials.get('old-kubectlClient.key'),
    ];
    return { ca: [this.materials.get('ca.crt'), this.materials.get('old-ca.crt')], certificate, key };
  }

  /** The new admin, trusting the new CA alone. */
  get newIdentity(): ApiIdentity {
    return {
      ca: [this.materials.get('ca.crt')],
      certificate: this.materials.get('kubectlClient.crt'),
      key: this.materials.get('kubectlClient.key'),
    };
  }

  /** A profile's CA is the present one. */
  get #sameAuthority(): boolean {
    const { materials } = this;
    if (!materials.has('ca.crt') || !materials.has('old-ca.crt')) return false;
    const key = (name: string): string => publicKeyFingerprint(materials.get(name));
    return key('ca.crt') === key('old-ca.crt');
  }

  shell = (name: string): NodeShell => {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (!node) throw new Error(`node ${name}: is not among the cluster's nodes`);
    return this.reach.shell(node);
  };

  windows = (name: string): WindowsShell => {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (!node) throw new Error(`node ${name}: is not among the cluster's nodes`);
    return this.reach.windows(node, this.rotation);
  };

  facts(leaders: { etcdLeader?: string; controllerManagerLeader?: string } = {}): Facts {
    return {
      rotation: this.rotation,
      layout: this.layout,
      ...byOs(this.nodes),
      inventories: this.inventories,
      adminUsername: this.model.adminUsername,
      leaveBridge: this.options.leaveBridge,
      reboot: this.options.reboot === true,
      ...(this.#sameAuthority ? { sameAuthority: true } : {}),
      ...leaders,
    };
  }

  note = (text: string): void => {
    this.notes.push(text);
    this.emit({ code: 'note', text });
  };
}
