import { inspectHandshakes } from '../inventory/observe-barrier.js';
import type { Observation } from '../inventory/observe-barrier.js';
import type { NodeInventory } from '../model/inventory.js';
import type { AnyPhaseName } from '../model/plan.js';
import { parseCertificates } from '../pki/index.js';
import { credentialsOn, mastersOf } from '../plan/facts.js';
import type {
  CredentialReport,
  GapReport,
  ObservedReport,
  Outcome,
  Place,
  RefusedReport,
  Report,
  RestartReport,
} from '../report/report.js';
import { whyNoReturn } from './point-of-no-return.js';
import type { Probing } from './probing.js';
import { messageOf } from './reach.js';
import type { Session } from './session.js';

type Tried = ReadonlyMap<string, { accepted: boolean | undefined; answer: string }>;

/** Collects what a run did and saw, and makes the report of it. */
export class ReportBuilder {
  readonly #session: Session;
  readonly #startedAt = new Date();
  readonly #phases: { name: string; seconds: number }[] = [];
  readonly #observed: ObservedReport[] = [];
  #outcome: { outcome: Outcome; error?: string } = { outcome: 'failed' };
  #accepted: Tried = new Map();
  #refused: Tried = new Map();
  #addons: readonly string[] = [];
  #ended: ReadonlyMap<string, NodeInventory> = new Map();
  #probing: Awaited<ReturnType<Probing['finish']>> = { probe: {}, notProbed: [] };
  #places: readonly Place[] = [];

  constructor(session: Session) {
    this.#session = session;
  }

  /** What the servers show before the first change. */
  async observeStart(): Promise<void> {
    this.#observed.push({
      at: 'start',
      servers: await inspectHandshakes(this.#session.facts(), this.#session.shell),
    });
  }

  phase(name: AnyPhaseName, ms: number, servers: readonly Observation[]): void {
    this.#phases.push({ name, seconds: Math.round(ms / 100) / 10 });
    this.#observed.push({ at: name, servers });
  }

  outcome(outcome: Outcome, error?: string): void {
    this.#outcome = error === undefined ? { outcome } : { outcome, error };
  }

  accepted(tried: Tried): void {
    this.#accepted = tried;
  }

  refused(tried: Tried): void {
    this.#refused = tried;
  }

  ended(inventories: ReadonlyMap<string, NodeInventory>): void {
    this.#ended = inventories;
  }

  /** Workloads of kube-system that did not come back. */
  addons(missing: readonly string[]): void {
    this.#addons = missing;
  }

  probed(probing: Awaited<ReturnType<Probing['finish']>>): void {
    this.#probing = probing;
  }

  places(places: readonly Place[]): void {
    this.#places = places;
  }

  /** @throws Error when an old credential still works, or could not be tried */
  demandRefusals(): void {
    const open = [...this.#refused].filter(([, { accepted }]) => accepted !== false);
    if (open.length === 0) return;
    throw new Error(
      `at the end these were not refused: ${open.map(([name, { answer }]) => `${name} (${answer})`).join(', ')}; look at the masters' kube-apiserver and etcd, then run the same command again`,
    );
  }

  build(): Report {
    const session = this.#session;
    const { probe, cost, notProbed } = this.#probing;
    return {
      ...this.#outcome,
      rotation: session.rotation,
      canGoBack: canGoBack(session),
      startedAt: this.#startedAt.toISOString(),
      seconds: Math.round((Date.now() - this.#startedAt.getTime()) / 100) / 10,
      memoryMb: Math.round((process.resourceUsage().maxRSS * 1024) / 1e6),
      probe,
      ...(cost === undefined ? {} : { probeCost: cost }),
      notProbed,
      phases: this.#phases,
      credentials: this.#ended.size === 0 ? [] : credentialReports(session, this.#ended),
      restarts: restartReports(session),
      gaps: gapReports(session),
      refused: this.#refusedReports(),
      observed: this.#observed,
      leadershipMoves: leadershipMoves(session),
      hostKeys: session.reach.fleet.recordedHostKeys,
      notes: session.notes,
      leftNodes: session.options.leaveNodes,
      addonsMissing: this.#addons,
      places: this.#places,
    };
  }

  #refusedReports(): RefusedReport[] {
    return [...this.#refused].map(([name, { accepted, answer }]) => {
      const before = this.#accepted.get(name);
      return {
        name,
        ...(before === undefined ? {} : { acceptedBefore: before.accepted === true }),
        refusedAfter: accepted === false,
        answer,
      };
    });
  }
}

/** Whether `keyroll rollback` would do something else than go on. */
function canGoBack({ state, rotation }: Session): boolean {
  return state.hasBegun && !state.journal.has('rollback', rotation) && whyNoReturn(state) === undefined;
}

/** Public keys as they were at the start and as the nodes show them now. */
function credentialReports(session: Session, ended: ReadonlyMap<string, NodeInventory>): CredentialReport[] {
  const facts = session.facts();
  return session.nodes.flatMap((node) => {
    const before = session.inventories.get(node.name);
    const after = ended.get(node.name);
    if (!before || !after) return [];
    const pairs = credentialsOn(facts, node).map(({ name, key }) =>
      report(name, node.name, before.keys.get(key)?.fingerprint, after.keys.get(key)?.fingerprint),
    );
    const { ca, frontProxyCa, kubeletClient } = session.layout;
    const authorities = [
      ...(facts.sameAuthority === true
        ? []
        : [report('ca', node.name, fingerprintAt(before, ca), fingerprintAt(after, ca))]),
      report(
        'kubelet-client',
        node.name,
        before.keys.get(kubeletClient)?.fingerprint,
        after.keys.get(kubeletClient)?.fingerprint,
      ),
    ];
    if (!mastersOf(facts).includes(node)) return [...authorities, ...pairs];
    const signing = pairs.find(({ name }) => name === 'apiserver');
    const ofMasters = [
      report(
        'front-proxy-ca',
        node.name,
        fingerprintAt(before, frontProxyCa),
        fingerprintAt(after, frontProxyCa),
      ),
    ];
    return [
      ...authorities,
      ...ofMasters,
      ...pairs,
      ...(signing ? [{ ...signing, name: 'service-account-key' }] : []),
    ];
  });
}

function report(name: string, node: string, oldFingerprint = '', newFingerprint = ''): CredentialReport {
  return { name, node, oldFingerprint, newFingerprint };
}

function fingerprintAt(inventory: NodeInventory, path: string): string | undefined {
  const file = inventory.files.get(path);
  if (!file) return undefined;
  try {
    return parseCertificates(file.content, path)[0]?.publicKeyFingerprint;
  } catch (error) {
    return messageOf(error);
  }
}

/** Every move of etcd's leadership that this rotation made, with the pauses that it lay in. */
function leadershipMoves(session: Session): unknown[] {
  return session.state.journal.records
    .filter(({ type, id }) => type === 'fact' && id.startsWith('leadership/'))
    .map(({ details }) => details);
}

/** What the journal says of restarts in which nobody answered. */
function gapReports(session: Session): GapReport[] {
  return session.state.journal.records.flatMap(({ type, details }) => {
    const { node, gapMs } = (details ?? {}) as { node?: string; gapMs?: number };
    if (type !== 'done' || node === undefined || gapMs === undefined) return [];
    return [{ node, seconds: Math.round(gapMs / 100) / 10 }];
  });
}

/** What the journal says was restarted, by process and node. */
function restartReports(session: Session): RestartReport[] {
  const counts = new Map<string, RestartReport>();
  for (const { type, details } of session.state.journal.records) {
    if (type !== 'done') continue;
    const { node, process, processes, etcd } = (details ?? {}) as {
      node?: string;
      process?: string;
      processes?: string[];
      etcd?: boolean;
    };
    if (node === undefined) continue;
    for (const name of [
      ...(process === undefined ? [] : [process]),
      ...(processes ?? []),
      ...(etcd === true ? ['etcd'] : []),
    ]) {
      const key = `${name} ${node}`;
      counts.set(key, { process: name, node, count: (counts.get(key)?.count ?? 0) + 1 });
    }
  }
  return [...counts.values()].sort(
    (a, b) => a.process.localeCompare(b.process) || a.node.localeCompare(b.node),
  );
}
