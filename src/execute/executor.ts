import pMap from 'p-map';
import type { Journal } from './journal.js';

/** What the executor must know of a step: who it is. */
export interface Executable {
  readonly id: string;
  readonly title: string;
}

/** Steps one after another, or beside each other. */
export type FlowOf<S extends Executable> =
  | { readonly sequence: readonly FlowOf<S>[] }
  | { readonly parallel: readonly FlowOf<S>[]; readonly limit?: number }
  | { readonly step: S };

export interface Execution<S extends Executable> {
  readonly journal: Journal;
  /** Does the step and verifies it; may be called again after a crash. Its result goes into the journal. */
  readonly run: (step: S) => Promise<unknown>;
  /** Called before a step's intent is written; throws when no other step may begin. */
  readonly mayBegin?: (step: S) => Promise<void>;
  readonly onStart?: (step: S) => void;
  readonly onEnd?: (step: S, ms: number, result: unknown) => void;
  /** At once, while steps beside it still run. */
  readonly onFail?: (step: S, error: unknown) => void;
}

/**
 * Walks through a flow. Each step: intent into the journal, run and verify, done into the journal. A step that the
 * journal has as done is not run again. When a step fails, those that run beside it end first, no other begins (not
 * even one that was waiting to), and its error is thrown.
 */
export function execute<S extends Executable>(flow: FlowOf<S>, execution: Execution<S>): Promise<void> {
  return walk(flow, execution, {});
}

/** What all branches of a flow know of each other: whether one has failed. */
interface Walk {
  failure?: { readonly error: unknown };
}

async function walk<S extends Executable>(
  flow: FlowOf<S>,
  execution: Execution<S>,
  state: Walk,
): Promise<void> {
  if ('step' in flow) return runStep(flow.step, execution, state);
  if ('sequence' in flow) {
    for (const part of flow.sequence) await walk(part, execution, state);
    return;
  }
  const beside = async (part: FlowOf<S>): Promise<void> => {
    try {
      await walk(part, execution, state);
    } catch (error) {
      state.failure ??= { error };
    }
  };
  await pMap(flow.parallel, beside, { concurrency: flow.limit ?? Infinity });
  throwFailure(state);
}

function throwFailure({ failure }: Walk): void {
  if (failure) throw failure.error as Error;
}

async function runStep<S extends Executable>(
  step: S,
  { journal, run, mayBegin, onStart, onEnd, onFail }: Execution<S>,
  state: Walk,
): Promise<void> {
  if (journal.has('done', step.id)) return;
  throwFailure(state);
  await mayBegin?.(step);
  // It may have waited; meanwhile a step beside this one may have failed.
  throwFailure(state);
  journal.append('intent', step.id);
  onStart?.(step);
  const begun = Date.now();
  try {
    const result = await run(step);
    journal.append('done', step.id, result);
    onEnd?.(step, Date.now() - begun, result);
  } catch (error) {
    // Before anybody hears of it: what is told to end because of it must not pass for the cause.
    state.failure ??= { error };
    onFail?.(step, error);
    journal.append('failed', step.id, { error: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}
