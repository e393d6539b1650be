import type { ClientIdentity, ContractCluster } from './cluster.js';
import { ask, within } from './tools.js';

interface Account {
  readonly secrets?: readonly { readonly name: string }[];
}
export interface Secret {
  readonly data?: Readonly<Record<string, string>>;
}

export const accounts = '/api/v1/namespaces/default/serviceaccounts';
export const secrets = '/api/v1/namespaces/default/secrets';

/** An account of its own with a legacy token, and what goes with it. */
export async function withAccount(
  cluster: ContractCluster,
  identity: ClientIdentity,
  work: (name: string, secret: string) => Promise<void>,
): Promise<void> {
  const name = `contract-${Date.now().toString(36)}`;
  await ask(cluster, accounts, identity, { method: 'POST', body: { metadata: { name } } });
  try {
    await work(name, await tokenSecret(cluster, identity, name));
  } finally {
    await ask(cluster, `${accounts}/${name}`, identity, { method: 'DELETE' });
  }
}

/** Name of the Secret that holds an account's legacy token. */
export async function tokenSecret(
  cluster: ContractCluster,
  identity: ClientIdentity,
  name: string,
): Promise<string> {
  let found = '';
  await within(15, `account ${name} refers to a token`, async () => {
    const { secrets: references = [] } = await ask<Account>(cluster, `${accounts}/${name}`, identity);
    found = references[0]?.name ?? '';
    return found !== '';
  });
  return found;
}

/** Empty while nobody has signed it. */
export async function tokenIn(
  cluster: ContractCluster,
  identity: ClientIdentity,
  secret: string,
): Promise<string> {
  const { data = {} } = await ask<Secret>(cluster, `${secrets}/${secret}`, identity);
  return Buffer.from(data['token'] ?? '', 'base64').toString();
}
