import pMap from 'p-map';
import type { StepContext, StepRunner } from './context.js';
import type { RenewedTokens } from './renew-legacy-tokens.js';
import { keyOf, sideOf, tokenSecrets } from './service-account-tokens.js';
import { waitFor } from './wait.js';

/** Deletes the old token Secrets that have successors, and has those made by hand signed again in place. */
export const retireLegacyTokens: StepRunner<'retire-legacy-tokens'> = async (_step, context) => {
  const record = context.journal.records.find(
    ({ type, id }) => type === 'done' && id === 'refresh/legacy-tokens',
  );
  const { replaced, handMade } = (record?.details ?? { replaced: [], handMade: [] }) as RenewedTokens;
  await pMap(replaced, (key) => context.kube().delete(secretPath(key)), { concurrency: 8 });
  await pMap(handMade, (key) => signAgain(key, context), { concurrency: 8 });
  await waitFor('no token Secret holds a token of the old key', () => noneOld(context), {
    timeoutMs: 120_000,
  });
  return { deleted: replaced, signedAgain: handMade };
};

export function secretPath(key: string): string {
  const [namespace, name] = key.split('/');
  return `/api/v1/namespaces/${namespace ?? ''}/secrets/${name ?? ''}`;
}

/** The token controller fills an emptied token with one of the present key. */
export async function signAgain(key: string, { kube }: StepContext): Promise<void> {
  const answer = await kube().request(
    'PATCH',
    secretPath(key),
    { data: { token: null } },
    'application/merge-patch+json',
  );
  if (answer.status >= 300 && answer.status !== 404)
    throw new Error(
      `token Secret ${key}: status ${answer.status} for having it signed again: ${answer.text.slice(0, 200)}`,
    );
}

async function noneOld(context: StepContext): Promise<true | string> {
  const old = (await tokenSecrets(context)).filter((secret) => sideOf(secret, context) === 'old');
  return old.length === 0 ? true : `${old.length} do, among them ${old.slice(0, 3).map(keyOf).join(', ')}`;
}
