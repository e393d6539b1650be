import pMap from 'p-map';
import { apiTime } from './api-time.js';
import type { StepContext, StepRunner } from './context.js';
import {
  accountOf,
  keyOf,
  serviceAccounts,
  sideOf,
  tokenSecrets,
  type ServiceAccount,
  type TokenSecret,
} from './service-account-tokens.js';
import { updateAccount } from './update-account.js';
import { waitFor } from './wait.js';

/**
 * The way back of `renew-legacy-tokens`: ServiceAccounts refer to the token Secrets of the old key that they had, and to
 * none of the new key. An account that was made meanwhile has no old one; the token controller, which signs with the old
 * key again, makes it. Successors stay, and work, until the end of the way back.
 */
export const restoreLegacyTokens: StepRunner<'restore-legacy-tokens'> = async (step, context) => {
  const secrets = await tokenSecrets(context);
  const known = context.journal.records.find(({ id }) => id === 'refresh/legacy-tokens/replaced');
  const replaced = known?.details as readonly string[] | undefined;
  const had = secrets.filter(
    (secret) => sideOf(secret, context) === 'old' && (replaced?.includes(keyOf(secret)) ?? isMade(secret)),
  );
  const fresh = new Set(secrets.filter((secret) => sideOf(secret, context) === 'new').map(keyOf));
  const accounts = await serviceAccounts(context);
  const concerned = context.journal.remember(
    `${step.id}/accounts`,
    accounts
      .filter(
        (account) => refersTo(account, fresh) || had.some((secret) => accountOf(secret) === keyOf(account)),
      )
      .map(keyOf),
  );
  await pMap(
    accounts.filter((account) => concerned.includes(keyOf(account))),
    (account) => updateAccount(account, context, (now) => restored(now, had, fresh)),
    { concurrency: 8 },
  );
  await waitFor('every ServiceAccount refers to a token of the old key', () => allOld(concerned, context), {
    timeoutMs: 180_000,
    stop: context.stop,
  });
  return { accounts: concerned, freshSince: await apiTime(context) };
};

/** Made by the token controller, by its name: for when the journal does not say which Secrets were replaced. */
function isMade(secret: TokenSecret): boolean {
  const [, account = ''] = accountOf(secret).split('/');
  return secret.metadata.name.startsWith(`${account}-token-`);
}

function inNamespaceOf(account: ServiceAccount, name: string): string {
  return `${account.metadata.namespace ?? ''}/${name}`;
}

function refersTo(account: ServiceAccount, secrets: ReadonlySet<string>): boolean {
  return (account.secrets ?? []).some(({ name }) => secrets.has(inNamespaceOf(account, name)));
}

/** References of an account without the new tokens and with the old ones; undefined: as they are. */
function restored(
  account: ServiceAccount,
  had: readonly TokenSecret[],
  fresh: ReadonlySet<string>,
): { name: string }[] | undefined {
  const present = account.secrets ?? [];
  const kept = present.filter(({ name }) => !fresh.has(inNamespaceOf(account, name)));
  const back = had
    .filter((secret) => accountOf(secret) === keyOf(account))
    .map(({ metadata }) => ({ name: metadata.name }))
    .filter(({ name }) => !kept.some((reference) => reference.name === name));
  return back.length === 0 && kept.length === present.length ? undefined : [...back, ...kept];
}

async function allOld(concerned: readonly string[], context: StepContext): Promise<true | string> {
  const old = new Set(
    (await tokenSecrets(context)).filter((secret) => sideOf(secret, context) === 'old').map(keyOf),
  );
  const late = (await serviceAccounts(context)).filter(
    (account) => concerned.includes(keyOf(account)) && !refersTo(account, old),
  );
  return late.length === 0
    ? true
    : `${late.length} do not, among them ${late.slice(0, 3).map(keyOf).join(', ')}`;
}
