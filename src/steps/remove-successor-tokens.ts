import pMap from 'p-map';
import type { StepContext, StepRunner } from './context.js';
import { secretPath, signAgain } from './retire-legacy-tokens.js';
import { accountOf, keyOf, sideOf, tokenSecrets, type TokenSecret } from './service-account-tokens.js';
import { waitFor } from './wait.js';

/**
 * The end of the way back: token Secrets of the new key that the rotation or the token controller made are deleted;
 * those that somebody made by hand meanwhile are signed again, with the old key.
 */
export const removeSuccessorTokens: StepRunner<'remove-successor-tokens'> = async (_step, context) => {
  const fresh = (await tokenSecrets(context)).filter((secret) => sideOf(secret, context) === 'new');
  const made = fresh.filter((secret) => isSuccessor(secret, context));
  const byHand = fresh.filter((secret) => !made.includes(secret));
  await pMap(made, (secret) => context.kube().delete(secretPath(keyOf(secret))), { concurrency: 8 });
  await pMap(byHand, (secret) => signAgain(keyOf(secret), context), { concurrency: 8 });
  await waitFor('no token Secret holds a token of the new key', () => noneNew(context), {
    timeoutMs: 120_000,
    stop: context.stop,
  });
  return { deleted: made.map(keyOf), signedAgain: byHand.map(keyOf) };
};

/** By its name: the token controller's way, or the rotation's end behind the name of a Secret made by hand. */
function isSuccessor(secret: TokenSecret, { rotation }: StepContext): boolean {
  const [, account = ''] = accountOf(secret).split('/');
  const { name } = secret.metadata;
  return name.startsWith(`${account}-token-`) || name.endsWith(`-${rotation.slice(-6)}`);
}

async function noneNew(context: StepContext): Promise<true | string> {
  const left = (await tokenSecrets(context)).filter((secret) => sideOf(secret, context) === 'new');
  return left.length === 0 ? true : `${left.length} do, among them ${left.slice(0, 3).map(keyOf).join(', ')}`;
}
