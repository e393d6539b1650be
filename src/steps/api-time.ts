import { setTimeout as sleep } from 'node:timers/promises';
import type { StepContext } from './context.js';

/**
 * A moment by the API server's clock (ISO, whole seconds) such that every object with an earlier `creationTimestamp` was
 * created before this call, and every object created after its return has it or a later one. Takes a second.
 */
export async function apiTime({ kube }: Pick<StepContext, 'kube'>): Promise<string> {
  const probe = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'keyroll-clock-' } };
  const { metadata } = await kube().create('/api/v1/namespaces/kube-system/configmaps?dryRun=All', probe);
  if (metadata.creationTimestamp === undefined)
    throw new Error('the API server did not say what time it is: a dry run has no creationTimestamp');
  await sleep(1100);
  return new Date(Date.parse(metadata.creationTimestamp) + 1000).toISOString();
}

/** `freshSince` as a step that has ended recorded it. */
export function freshSince({ journal }: Pick<StepContext, 'journal'>, id: string): string {
  const record = journal.records.find((candidate) => candidate.type === 'done' && candidate.id === id);
  const { freshSince: since } = (record?.details ?? {}) as { freshSince?: string };
  if (since === undefined)
    throw new Error(`the journal does not say when ${id} ended; restore it from a copy`);
  return since;
}
