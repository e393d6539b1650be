import type { KubeClient } from '../adapters/kube/types.js';
import type { StateFolder } from '../adapters/fs/state-folder.js';
import type { NodeShell, WindowsShell } from '../adapters/ssh/types.js';
import type { Layout } from '../layouts/layout.js';
import type { ApiModel } from '../model/apimodel.js';
import { byOs, type ClusterNode } from '../model/cluster.js';
import type { NodeInventory } from '../model/inventory.js';
import { Materials } from '../model/materials.js';
import { relationIn, type CaRelation } from '../mint/from-profile.js';
import type { StopRequest } from '../execute/stop.js';
import type { Back, Facts } from '../plan/facts.js';
import type { Emit } from '../report/events.js';
import type { Locks, RunControl } from './locks.js';
import type { ApiIdentity, Reach } from './reach.js';
import { modelIdentity } from './reach.js';
import type { RotateOptions } from './options.js';

/** What a session is made of. */
export interface SessionParts extends RunControl {
  readonly options: RotateOptions;
  readonly model: ApiModel;
  readonly layout: Layout;
  readonly reach: Reach;
  readonly state: StateFolder;
  readonly serviceIp: string;
  readonly inventories: Map<string, NodeInventory>;
  readonly nodes: readonly ClusterNode[];
  readonly materials: ReadonlyMap<string, string>;
  /** When the rotation began (ISO); a run that takes it up keeps it. */
  readonly startedAt: string;
  /** No API server answers anybody: all masters are stopped, made new and started together. */
  readonly rescue?: boolean;
  /** All masters are stopped together although the API serves: no bridge is possible to the CA that comes. */
  readonly unbridged?: boolean;
}

/** One run of keyroll on one rotation: what it knows, what it holds open, and whom it is to the API at present. */
export class Session {
  readonly options: RotateOptions;
  readonly model: ApiModel;
  readonly layout: Layout;
  readonly reach: Reach;
  readonly state: StateFolder;
  readonly emit: Emit;
  readonly stop: StopRequest;
  readonly locks: Locks;
  readonly serviceIp: string;
  readonly inventories: Map<string, NodeInventory>;
  readonly startedAt: string;
  readonly rescue: boolean;
  readonly unbridged: boolean;
  nodes: readonly ClusterNode[];
  materials: Materials;
  /** What the way back is planned from; none while a rotation goes forward. */
  back: Back | undefined;
  /** This run said, before it asked, that nobody answers while the only master's kube-apiserver restarts. */
  gapStated = false;
  readonly notes: string[] = [];
  #kube: KubeClient;

  constructor(parts: SessionParts) {
    this.options = parts.options;
    this.model = parts.model;
    this.layout = parts.layout;
    this.reach = parts.reach;
    this.state = parts.state;
    this.emit = parts.emit;
    this.stop = parts.stop;
    this.locks = parts.locks;
    this.serviceIp = parts.serviceIp;
    this.inventories = parts.inventories;
    this.startedAt = parts.startedAt;
    this.rescue = parts.rescue === true;
    this.unbridged = parts.unbridged === true;
    this.nodes = parts.nodes;
    this.materials = new Materials(parts.materials);
    this.#kube = parts.reach.kube(modelIdentity(parts.model));
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

  /** The admin of before, trusting both CAs; the old one alone where they have one name, by which OpenSSL would choose. */
  get oldIdentity(): ApiIdentity {
    const [certificate, key] = [
      this.materials.get('old-kubectlClient.crt'),
      this.materials.get('old-kubectlClient.key'),
    ];
    return { ca: [...this.#unlessSameSubject('ca.crt'), this.materials.get('old-ca.crt')], certificate, key };
  }

  /** The new admin, trusting the new CA alone. */
  get newIdentity(): ApiIdentity {
    return {
      ca: [this.materials.get('ca.crt')],
      certificate: this.materials.get('kubectlClient.crt'),
      key: this.materials.get('kubectlClient.key'),
    };
  }

  /** For those who try what is old once all is new. */
  get trustAfterwards(): string[] {
    return [this.materials.get('ca.crt'), ...this.#unlessSameSubject('old-ca.crt')];
  }

  #unlessSameSubject(name: string): string[] {
    return this.#relation === 'same-subject' ? [] : [this.materials.get(name)];
  }

  /** How the CA that comes stands to the present one. */
  get #relation(): CaRelation {
    return relationIn(this.materials);
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
      ...(this.#relation === 'the-same' ? { sameAuthority: true } : {}),
      ...(this.#relation === 'same-subject' ? { sameSubject: true } : {}),
      ...(this.back === undefined ? {} : { back: this.back }),
      ...leaders,
    };
  }

  /** Lets go of the lock, then of the ways to the cluster. May be called again. */
  async close(): Promise<void> {
    await this.locks.release();
    await this.#kube.close();
    await this.reach.fleet.close();
  }

  note = (text: string): void => {
    this.notes.push(text);
    this.emit({ code: 'note', text });
  };
}
