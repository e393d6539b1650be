import type { StepContext } from './context.js';
import { waitFor } from './wait.js';
import { rolledOut, workloadName, workloads, type Workload } from './workloads.js';

/**
 * How long one must be seen without all of its pods to count as one that did not work: the restart of a kubelet, which
 * goes on beside this, takes its pods' readiness for a while.
 */
const settleMs = 30_000;
const lookEveryMs = 1000;

/**
 * Names of the workloads that do not work although this rotation has not restarted them yet, each with what is missing.
 * Takes 30 s where there is one, and no time where all work. Decided once for a rotation: called again it answers the
 * same, whatever has become of them since.
 * @param fact its name in the journal
 * @throws StoppedError when a stop was asked for
 */
export async function brokenBefore(
  fact: string,
  wanted: readonly Workload[],
  context: StepContext,
): Promise<[string, string][]> {
  const { journal, stop, waitWorkloadsMs } = context;
  const isKnown = journal.records.some(({ type, id }) => type === 'fact' && id === fact);
  if (isKnown) return journal.remember(fact, []);
  let suspects = notRolledOut(wanted);
  const settledMs = Math.min(settleMs, waitWorkloadsMs);
  const until = performance.now() + settledMs;
  const look = async (): Promise<true | string> => {
    if (suspects.length === 0 || performance.now() >= until) return true;
    const down = new Map(notRolledOut(await workloads(context)));
    suspects = suspects.flatMap(([name]): [string, string][] => {
      const state = down.get(name);
      return state === undefined ? [] : [[name, state]];
    });
    return suspects.length === 0 ? true : suspects.map(([name, state]) => `${name}: ${state}`).join('; ');
  };
  // Longer than `look` takes to say true by itself, so that only an API that stays away ends it with an error.
  const timeoutMs = settledMs + waitWorkloadsMs;
  await waitFor('workloads can be looked at', look, { timeoutMs, everyMs: lookEveryMs, stop });
  return journal.remember(fact, suspects);
}

function notRolledOut(wanted: readonly Workload[]): [string, string][] {
  return wanted.flatMap((workload): [string, string][] => {
    const state = rolledOut(workload);
    return state === true ? [] : [[workloadName(workload), state]];
  });
}
