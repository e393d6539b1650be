import { takeStock } from '../../../src/actions/found.js';
import { lookBack, reached } from '../../../src/actions/look-back.js';
import { whyNoReturn } from '../../../src/actions/point-of-no-return.js';
import type { Session } from '../../../src/actions/session.js';
import { execute } from '../../../src/execute/executor.js';
import { Journal } from '../../../src/execute/journal.js';
import {
  backPhaseNames,
  phaseNames,
  type AnyPhaseName,
  type Flow,
  type Step,
} from '../../../src/model/plan.js';
import type { Back, Facts } from '../../../src/plan/facts.js';
import { planPhase } from '../../../src/plan/plan.js';
import { planPreparation } from '../../../src/plan/prepare.js';
import { effectsOf, restartPod } from './effects.js';
import { offences } from './offences.js';
import { shellsOf } from './shells.js';
import type { World } from './world.js';

/** What happens at the n-th place: a place is before and after each record of the journal and each change of a node. */
export interface Incident {
  readonly at: number;
  readonly what:
    | { readonly kind: 'kill'; readonly then: 'resume' | 'rollback' }
    | { readonly kind: 'reboot'; readonly node: string }
    | { readonly kind: 'pod-restart'; readonly node: string };
}

/** keyroll is dead: nothing that it would do happens any more. */
class Killed extends Error {
  constructor(readonly then: 'resume' | 'rollback') {
    super('killed');
  }
}

/** What befell the run since it began: changed by incidents, wherever they happen. */
interface Now {
  killed: Killed | undefined;
  /** The node whose unit is at work. */
  busy: string | undefined;
  rebooted: boolean;
}

/** Drives a world through a rotation, with the real plans, executor and journal, and through what befalls it. */
export class Drive {
  places = 0;
  /** What taking up told. */
  readonly notes: string[] = [];
  readonly #now: Now = { killed: undefined, busy: undefined, rebooted: false };
  readonly #incidents: readonly Incident[];
  #journal: Journal;

  constructor(
    readonly world: World,
    readonly file: string,
    incidents: readonly Incident[],
  ) {
    this.#incidents = incidents;
    this.#journal = this.#open();
  }

  /** One command, which an incident may end. */
  once(): Promise<'rotated' | 'rolled back'> {
    return this.#command('resume');
  }

  /** Gives commands until one ends what was begun. */
  async toTheEnd(first: 'resume' | 'rollback' = 'resume'): Promise<'rotated' | 'rolled back'> {
    let command = first;
    for (let tries = 0; tries < 50; tries += 1) {
      try {
        return await this.#command(command);
      } catch (error) {
        if (error instanceof Killed) command = error.then;
        else if (!(error instanceof NodeLost)) throw error;
        this.#now.killed = undefined;
        this.#journal.close();
        this.#journal = this.#open();
      }
    }
    throw new Error('fifty commands did not end it');
  }

  async #command(command: 'resume' | 'rollback'): Promise<'rotated' | 'rolled back'> {
    if (this.#journal.records.length > 0) await takeStock(this.#session());
    if (command === 'rollback' && this.#mayReturn() && !this.#journal.has('rollback', 'r'))
      this.#journal.append('rollback', 'r', await reached(this.#session()));
    const back = this.#journal.has('rollback', 'r');
    if (!back) await this.#flow(planPreparation(this.#facts()));
    for (const phase of back ? backPhaseNames : phaseNames) {
      const seen = back ? await lookBack(this.#session()) : undefined;
      await this.#phase(phase, seen);
    }
    return back ? 'rolled back' : 'rotated';
  }

  async #phase(phase: AnyPhaseName, back: Back | undefined): Promise<void> {
    if (this.#journal.has('phase', phase)) return;
    await this.#flow(planPhase(phase, this.#facts(back)).flow);
    this.#journal.append('phase', phase);
  }

  #flow(flow: Flow): Promise<void> {
    return execute<Step>(flow, { journal: this.#journal, run: (step) => this.#step(step) });
  }

  async #step(step: Step): Promise<object> {
    const { node, before, unit } = effectsOf(this.world, step);
    for (const effect of before) {
      this.#place();
      effect();
      this.#check(step.id);
    }
    this.#now.busy = node;
    this.#now.rebooted = false;
    for (const [index, effect] of unit.entries()) {
      // Once begun a unit goes on without keyroll, but not without its node.
      if (index === 0) this.#place();
      else this.#place({ inUnit: true });
      if (this.#isRebooted()) break;
      effect();
      this.#check(step.id);
    }
    this.#now.busy = undefined;
    if (this.#now.killed) throw this.#now.killed;
    if (this.#isRebooted()) throw new NodeLost(`${step.id}: the node was rebooted`);
    return Promise.resolve({});
  }

  #isRebooted(): boolean {
    return this.#now.rebooted;
  }

  /** One place at which something may happen. */
  #place({ inUnit = false } = {}): void {
    this.places += 1;
    for (const { what } of this.#incidents.filter(({ at }) => at === this.places)) {
      if (what.kind === 'kill') this.#now.killed = new Killed(what.then);
      if (what.kind === 'pod-restart') restartPod(this.world, this.world.node(what.node));
      if (what.kind !== 'reboot') continue;
      this.world.boot(this.world.node(what.node));
      restartPod(this.world, this.world.node(what.node));
      if (what.node === this.#now.busy) this.#now.rebooted = true;
      this.#check(`reboot of ${what.node}`);
    }
    if (this.#now.killed && !inUnit) throw this.#now.killed;
  }

  #check(where: string): void {
    const found = offences(this.world);
    if (found.length > 0) throw new Error(`${where} (place ${this.places}): ${found.join('; ')}`);
  }

  /** The journal, before and after each record of which keyroll may die. */
  #open(): Journal {
    const journal = Journal.open(this.file);
    const append = journal.append.bind(journal);
    journal.append = (type, id, details) => {
      if (this.#now.killed) throw this.#now.killed;
      this.#place();
      append(type, id, details);
      this.#place();
    };
    return journal;
  }

  #mayReturn(): boolean {
    // After the point of no return the operator is told to go forward, and does.
    return whyNoReturn(this.#session().state) === undefined;
  }

  #facts(back?: Back): Facts {
    return { ...this.world.facts, ...(back ? { back } : {}) };
  }

  #session(): Session {
    const { facts, materials } = this.world;
    return {
      ...{
        nodes: facts.nodes,
        layout: facts.layout,
        materials,
        model: { adminUsername: facts.adminUsername },
      },
      state: {
        ...{ journal: this.#journal, rotation: facts.rotation },
        readMaterials: () => new Map([['bridge-back.crt', '']]),
        readBeginning: () => ({ nodes: facts.nodes }),
      },
      shell: shellsOf(this.world),
      ...{
        emit: () => undefined,
        note: (text: string) => this.notes.push(text),
        startedAt: '',
        rotation: facts.rotation,
      },
      facts: () => facts,
    } as unknown as Session;
  }
}

/** A step failed because its node went away under it. */
class NodeLost extends Error {}
