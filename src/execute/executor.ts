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
}

/**
 * Walks through a flow. Each step: intent into the journal, run and verify, done into the journal. A step that the
 * journal has as done is not run again. When a step fails, those that run beside it end first, then its error is thrown.
 */
export async function execute<S extends Executable>(flow: FlowOf<S>, execution: Execution<S>): Promise<void> {
  if ('step' in flow) return runStep(flow.step, execution);
  if ('sequence' in flow) {
    for (const part of flow.sequence) await execute(part, execution);
    return;
  }
  await runBeside(flow.parallel, flow.limit ?? Infinity, execution);
}

async function runBeside<S extends Executable>(
  parts: readonly FlowOf<S>[],
  concurrency: number,
  execution: Execution<S>,
): Promise<void> {
  let failure: unknown;
  await pMap(
    parts,
    async (part) => {
      if (failure !== undefined) return;
      try {
        await execute(part, execution);
      } catch (error) {
        failure ??= error;
      }
    },
    { concurrency },
  );
  if (failure !== undefined) throw failure as Error;
}

async function runStep<S extends Executable>(
  step: S,
  { journal, run, mayBegin, onStart, onEnd }: Execution<S>,
): Promise<void> {
  if (journal.has('done', step.id)) return;
  await mayBegin?.(step);
  journal.append('intent', step.id);
  onStart?.(step);
  const begun = Date.now();
  try {
    const result = await run(step);
    journal.append('done', step.id, result);
    onEnd?.(step, Date.now() - begun, result);
  } catch (error) {
    journal.append('failed', step.id, { error: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}
