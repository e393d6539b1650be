import { isStatus } from '../client/client.js';
import { keyOf, type KubeObject } from '../kube/objects.js';
import { generatedName } from '../kube/generated-name.js';
import { pathOf } from '../kube/resources.js';
import { legacyIssuer, signToken } from '../kube/tokens.js';
import { split, type Controller, type ControllerContext } from './context.js';
import type { Outcome } from './work-queue.js';

interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
}
interface Account extends KubeObject {
  secrets?: { name: string }[];
}

const accountName = 'kubernetes.io/service-account.name';
const accountUid = 'kubernetes.io/service-account.uid';
const tokenType = 'kubernetes.io/service-account-token';

export interface TokenMaterials {
  /** PEM of `--service-account-private-key-file`, as it was at the start. */
  readonly signingKey: string;
  /** PEM of `--root-ca-file`, as it was at the start. */
  readonly rootCa: string;
}

/**
 * Legacy tokens: every account refers to at least one token Secret, which is made when there is none; what a token Secret
 * lacks is filled in, another CA in it is replaced. A token that is there is never signed again. A Secret whose account is
 * gone goes, and the reference to a Secret that is gone.
 */
export function tokenController(materials: TokenMaterials): Controller {
  return (context) => {
    const accountQueue = context.queue('token controller (accounts)', (key) =>
      accountStep(context, materials, key),
    );
    const secretQueue = context.queue('token controller (secrets)', (key) =>
      secretStep(context, materials, key),
    );
    const secrets = context.watch<Secret>('secrets', (now, before) => {
      const secret = now ?? before;
      if (secret?.type !== tokenType) return;
      if (now) secretQueue.add(keyOf(now));
      else accountQueue.add(accountKey(secret));
    });
    context.watch<Account>('serviceaccounts', (now, before) => {
      const account = now ?? before;
      if (!account) return;
      accountQueue.add(keyOf(account));
      if (now) return;
      for (const secret of secrets.all.filter((each) => accountKey(each) === keyOf(account)))
        secretQueue.add(keyOf(secret));
    });
  };
}

function accountKey({ metadata }: Secret): string {
  return `${metadata.namespace ?? ''}/${metadata.annotations?.[accountName] ?? ''}`;
}

async function read<T extends KubeObject>(
  { client }: ControllerContext,
  plural: string,
  key: string,
): Promise<T | undefined> {
  const { namespace, name } = split(key);
  try {
    return await client.get<T>(pathOf(plural, namespace, name));
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

async function accountStep(
  context: ControllerContext,
  materials: TokenMaterials,
  key: string,
): Promise<Outcome> {
  const account = await read<Account>(context, 'serviceaccounts', key);
  if (!account || account.metadata.deletionTimestamp !== undefined) return undefined;
  const { namespace = '', name } = account.metadata;
  const referred = account.secrets ?? [];
  const existing: { name: string }[] = [];
  let tokens = 0;
  for (const reference of referred) {
    const secret = await read<Secret>(context, 'secrets', `${namespace}/${reference.name}`);
    if (!secret) continue;
    existing.push(reference);
    if (secret.type === tokenType && secret.metadata.annotations?.[accountUid] === account.metadata.uid)
      tokens += 1;
  }
  if (tokens > 0 && existing.length === referred.length) return undefined;
  const made = tokens > 0 ? [] : [{ name: await createToken(context, materials, account) }];
  await refer(context, account, [...existing, ...made], made[0]?.name);
  return undefined;

  async function refer(
    { client }: ControllerContext,
    found: Account,
    secrets: readonly { name: string }[],
    fresh: string | undefined,
  ): Promise<void> {
    try {
      await client.update(pathOf('serviceaccounts', namespace, name), { ...found, secrets });
    } catch (error) {
      // Somebody else's change came first: what was just made would be left over.
      if (fresh !== undefined) await client.delete(pathOf('secrets', namespace, fresh));
      throw error;
    }
  }
}

async function createToken(
  { client }: ControllerContext,
  materials: TokenMaterials,
  { metadata }: Account,
): Promise<string> {
  const { namespace = '', uid = '' } = metadata;
  const name = generatedName(`${metadata.name}-token-`);
  const secret = {
    metadata: { name, namespace, annotations: { [accountName]: metadata.name, [accountUid]: uid } },
    type: tokenType,
  };
  await client.create(pathOf('secrets', namespace), {
    ...secret,
    data: filled(secret, metadata.name, uid, materials),
  });
  return name;
}

async function secretStep(
  context: ControllerContext,
  materials: TokenMaterials,
  key: string,
): Promise<Outcome> {
  const secret = await read<Secret>(context, 'secrets', key);
  if (secret?.type !== tokenType) return undefined;
  const account = await read<Account>(context, 'serviceaccounts', accountKey(secret));
  const uid = secret.metadata.annotations?.[accountUid];
  const path = pathOf('secrets', secret.metadata.namespace, secret.metadata.name);
  if (!account || (uid !== undefined && uid !== account.metadata.uid)) {
    await context.client.delete(path, { preconditions: { uid: secret.metadata.uid } });
    return undefined;
  }
  const data = filled(secret, account.metadata.name, account.metadata.uid ?? '', materials);
  if (uid !== undefined && JSON.stringify(data) === JSON.stringify(secret.data)) return undefined;
  const annotations = { ...secret.metadata.annotations, [accountUid]: account.metadata.uid ?? '' };
  await context.client.update(path, { ...secret, metadata: { ...secret.metadata, annotations }, data });
  return undefined;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Its data with what was missing, and with this CA. */
function filled(
  { metadata, data = {} }: Secret,
  name: string,
  uid: string,
  { rootCa, signingKey }: TokenMaterials,
): Record<string, string> {
  const { namespace = '' } = metadata;
  const claims = {
    iss: legacyIssuer,
    'kubernetes.io/serviceaccount/namespace': namespace,
    'kubernetes.io/serviceaccount/secret.name': metadata.name,
    'kubernetes.io/serviceaccount/service-account.name': name,
    'kubernetes.io/serviceaccount/service-account.uid': uid,
    sub: `system:serviceaccount:${namespace}:${name}`,
  };
  const token = (data['token'] ?? '') === '' ? base64(signToken(claims, signingKey)) : data['token'];
  return { ...data, 'ca.crt': base64(rootCa), namespace: base64(namespace), token: token ?? '' };
}
