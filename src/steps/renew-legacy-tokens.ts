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

/** What the journal keeps of this step for `distrust`: the old Secrets, by `namespace/name`. */
export interface RenewedTokens {
  /** Made by the token controller; a successor is referred to instead. Deleted in `distrust`. */
  readonly replaced: readonly string[];
  /** Made by hand; a successor lies beside each. Re-signed in place in `distrust`. */
  readonly handMade: readonly string[];
  readonly freshSince: string;
}

/**
 * Every ServiceAccount that refers to a token of the old key gets a successor: its reference is taken out, and the token
 * controller makes another Secret. Token Secrets that no account refers to get a second one beside them. Old Secrets
 * stay, and work, until `distrust`.
 */
export const renewLegacyTokens: StepRunner<'renew-legacy-tokens'> = async (
  step,
  context,
): Promise<RenewedTokens> => {
  const accounts = await serviceAccounts(context);
  const old = (await tokenSecrets(context)).filter((secret) => sideOf(secret, context) === 'old');
  const automatic = await makesTokens(context);
  // By the first look: on a second one the accounts no longer refer to what this step took out of them.
  const first = old.filter((secret) => automatic && isReferred(secret, accounts)).map(keyOf);
  const replaced = context.journal.remember(`${step.id}/replaced`, first);
  const referred = old.filter((secret) => replaced.includes(keyOf(secret)));
  const handMade = old.filter((secret) => !referred.includes(secret));
  await pMap(accounts, (account) => forget(account, referred, context), { concurrency: 8 });
  await pMap(handMade, (secret) => secondBeside(secret, context), { concurrency: 8 });
  await waitFor(
    'every ServiceAccount refers to a token of the new key',
    () => successors(referred, context),
    { timeoutMs: 180_000, stop: context.stop },
  );
  for (const secret of handMade) {
    context.note(
      `token Secret ${keyOf(secret)} was made by hand: ${successorName(secret, context)} lies beside it; let its users take that one before distrust`,
    );
  }
  return { replaced, handMade: handMade.map(keyOf), freshSince: await apiTime(context) };
};

/** Up to 1.23 the token controller makes a Secret for every ServiceAccount (LegacyServiceAccountTokenNoAutoGeneration). */
async function makesTokens({ kube }: StepContext): Promise<boolean> {
  const { minor } = await kube().get<{ minor: string }>('/version');
  return Number.parseInt(minor, 10) <= 23;
}

function isReferred(secret: TokenSecret, accounts: readonly ServiceAccount[]): boolean {
  const account = accounts.find((candidate) => keyOf(candidate) === accountOf(secret));
  return account?.secrets?.some(({ name }) => name === secret.metadata.name) ?? false;
}

/** Takes the old references out. */
async function forget(
  account: ServiceAccount,
  old: readonly TokenSecret[],
  context: StepContext,
): Promise<void> {
  const gone = new Set(
    old.filter((secret) => accountOf(secret) === keyOf(account)).map((secret) => secret.metadata.name),
  );
  if (gone.size === 0) return;
  await updateAccount(account, context, ({ secrets = [] }) => secrets.filter(({ name }) => !gone.has(name)));
}

function successorName(secret: TokenSecret, { rotation }: StepContext): string {
  return `${secret.metadata.name}-${rotation.slice(-6)}`;
}

async function secondBeside(secret: TokenSecret, context: StepContext): Promise<void> {
  const { name, namespace, annotations, labels } = secret.metadata;
  const account = annotations?.['kubernetes.io/service-account.name'];
  if (account === undefined)
    throw new Error(`token Secret ${namespace ?? ''}/${name}: names no ServiceAccount`);
  const answer = await context.kube().request('POST', `/api/v1/namespaces/${namespace ?? ''}/secrets`, {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/service-account-token',
    metadata: {
      name: successorName(secret, context),
      labels,
      annotations: { 'kubernetes.io/service-account.name': account },
    },
  });
  if (answer.status >= 300 && answer.status !== 409)
    throw new Error(
      `token Secret ${keyOf(secret)}: status ${answer.status} for a second one beside it: ${answer.text.slice(0, 200)}`,
    );
}

async function successors(referred: readonly TokenSecret[], context: StepContext): Promise<true | string> {
  const accounts = await serviceAccounts(context);
  const fresh = new Set(
    (await tokenSecrets(context)).filter((secret) => sideOf(secret, context) === 'new').map(keyOf),
  );
  const waiting = [...new Set(referred.map(accountOf))].filter((key) => {
    const account = accounts.find((candidate) => keyOf(candidate) === key);
    return (
      account !== undefined &&
      !account.secrets?.some(({ name }) => fresh.has(`${account.metadata.namespace ?? ''}/${name}`))
    );
  });
  return waiting.length === 0
    ? true
    : `${waiting.length} do not, among them ${waiting.slice(0, 3).join(', ')}`;
}
