import type { StepContext } from './context.js';
import { keyOf, type ServiceAccount } from './service-account-tokens.js';

/**
 * Changes the token references of a ServiceAccount; a conflict with somebody else's change is tried again from what is
 * there then. `change` answers undefined where nothing is to be changed.
 * @throws Error when the API refuses it, or after five conflicts
 */
export async function updateAccount(
  account: ServiceAccount,
  { kube }: Pick<StepContext, 'kube'>,
  change: (now: ServiceAccount) => { name: string }[] | undefined,
): Promise<void> {
  const path = `/api/v1/namespaces/${account.metadata.namespace ?? ''}/serviceaccounts/${account.metadata.name}`;
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const now = await kube().get<ServiceAccount>(path);
    const secrets = change(now);
    if (secrets === undefined) return;
    const answer = await kube().request('PUT', path, { ...now, secrets });
    if (answer.status < 300) return;
    if (answer.status !== 409)
      throw new Error(
        `ServiceAccount ${keyOf(account)}: status ${answer.status} for changing its token references: ${answer.text.slice(0, 200)}`,
      );
  }
  throw new Error(
    `ServiceAccount ${keyOf(account)}: changed by somebody else five times while its token references were changed; run the same command again`,
  );
}
