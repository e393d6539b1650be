import type { KubeObject } from '../adapters/kube/types.js';
import { masters } from '../model/cluster.js';
import { readProxyCerts } from '../steps/proxy-certs.js';
import { sideOf, tokenSecrets } from '../steps/service-account-tokens.js';
import { messageOf, type ApiIdentity } from './reach.js';
import type { Session } from './session.js';
import { stepContext } from './step-context.js';

/** One old credential, and what happens when somebody uses it. */
export interface OldCredential {
  readonly name: string;
  /** Tries it: accepted or not, and what was answered. */
  readonly try: () => Promise<{ accepted: boolean; answer: string }>;
}

const account = { namespace: 'kube-system', name: 'default' };
/** Longer than any rotation, waits for workloads included. */
const tokenSeconds = 24 * 3600;

/** Reads what etcd holds for masters to come, once: the way back puts it there again. */
export async function keepProxyCerts(session: Session): Promise<void> {
  if (session.materials.has('old-proxycerts-key')) return;
  session.state.writeMaterials(await readProxyCerts(stepContext(session)));
  session.setMaterials(session.state.readMaterials());
}

/** Takes one token of each kind aside at the start, to see later that it is refused. They lie with the keys (0600). */
export async function keepOldTokens(session: Session): Promise<void> {
  if (session.materials.has('old-token-projected')) return;
  const texts = new Map<string, string>();
  const requested = await session
    .kube()
    .create<KubeObject & { status?: { token?: string } }>(
      `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: tokenSeconds },
      },
    );
  if (requested.status?.token !== undefined) texts.set('old-token-projected', requested.status.token);
  const [secret] = (await tokenSecrets(stepContext(session))).filter(
    ({ metadata }) => metadata.namespace === account.namespace,
  );
  if (secret?.data?.token !== undefined)
    texts.set('old-token-legacy', Buffer.from(secret.data.token, 'base64').toString());
  session.state.writeMaterials(texts);
  session.setMaterials(session.state.readMaterials());
}

/** After a rescue has brought the API back: an old legacy token that still lies in its Secret, to see that it is refused. */
export async function keepDeadToken(session: Session): Promise<void> {
  if (session.materials.has('old-token-legacy')) return;
  const context = stepContext(session);
  const secret = (await tokenSecrets(context)).find((one) => sideOf(one, context) === 'old');
  if (secret?.data?.token === undefined) return;
  const token = Buffer.from(secret.data.token, 'base64').toString();
  session.state.writeMaterials(new Map([['old-token-legacy', token]]));
  session.setMaterials(session.state.readMaterials());
}

/** All kinds of old credentials that a rotation takes out of use. */
export function oldCredentials(session: Session): OldCredential[] {
  const { materials } = session;
  const trust = session.trustAfterwards;
  const client = {
    ca: trust,
    certificate: materials.get('old-client.crt'),
    key: materials.get('old-client.key'),
  };
  const tokens = ['legacy', 'projected'].filter(
    (kind) =>
      materials.has(`old-token-${kind}`) && materials.get('sa-old.pub') !== materials.get('sa-new.pub'),
  );
  // A CA that stays goes on accepting what it signed, until that expires.
  const signed = session.facts().sameAuthority !== true;
  return [
    ...(signed
      ? [
          { name: 'admin kubeconfig', try: () => asClient(session, { ...session.oldIdentity, ca: trust }) },
          { name: 'client certificate', try: () => asClient(session, client) },
          { name: 'etcd client certificate', try: () => asEtcdClient(session) },
        ]
      : []),
    ...tokens.map((kind) => ({
      name: `service-account token (${kind})`,
      try: () => withToken(session, materials.get(`old-token-${kind}`)),
    })),
    { name: 'front-proxy client certificate', try: () => asFrontProxy(session) },
  ];
}

/** What the new side had brought, and must be refused once the way back has ended. */
export function newCredentials(session: Session): OldCredential[] {
  const { materials } = session;
  const client = {
    ca: [materials.get('ca.crt'), materials.get('old-ca.crt')],
    certificate: materials.get('client.crt'),
    key: materials.get('client.key'),
  };
  const admin = { ...session.newIdentity, ca: client.ca };
  return [
    { name: 'new admin kubeconfig', try: () => asClient(session, admin) },
    { name: 'new client certificate', try: () => asClient(session, client) },
  ];
}

async function asClient(
  session: Session,
  identity: ApiIdentity,
): Promise<{ accepted: boolean; answer: string }> {
  const kube = session.reach.kube(identity);
  try {
    const { status } = await kube.request('GET', '/api/v1/namespaces/kube-system');
    return { accepted: status !== 401, answer: `status ${status}` };
  } finally {
    await kube.close();
  }
}

async function withToken(session: Session, token: string): Promise<{ accepted: boolean; answer: string }> {
  const kube = session.reach.kubeWithToken(session.trustAfterwards, token);
  try {
    const { status } = await kube.request('GET', '/api/v1/namespaces/kube-system');
    return { accepted: status !== 401, answer: `status ${status}` };
  } finally {
    await kube.close();
  }
}

/** The pairs that the nodes had are in their backup: tried from there, on the first master. */
function backup(session: Session, path: string): string {
  return `/var/lib/keyroll/backup/${session.rotation}${path}`;
}

function credential(session: Session, name: string): { certificate: string; key: string } {
  const spec = session.layout.credentials(1).find((candidate) => candidate.name === name);
  if (!spec) throw new Error(`layout ${session.layout.name}: names no ${name}`);
  return { certificate: backup(session, spec.certificate), key: backup(session, spec.key) };
}

async function asEtcdClient(session: Session): Promise<{ accepted: boolean; answer: string }> {
  const [master] = masters(session.nodes);
  const { certificate, key } = credential(session, 'etcdclient');
  const endpoint = `https://127.0.0.1:${session.layout.etcdPorts.client}`;
  const result = await session
    .shell(master?.name ?? '')
    .run(
      'etcd',
      [endpoint, session.layout.ca, certificate, key, '--command-timeout=3s', 'endpoint', 'health'],
      {
        allowFailure: true,
      },
    );
  if (result.stderr.includes('no such file'))
    throw new Error(`node ${master?.name ?? ''}: ${lastLine(result.stderr)}`);
  return { accepted: result.code === 0, answer: result.code === 0 ? 'healthy' : lastLine(result.stderr) };
}

async function asFrontProxy(session: Session): Promise<{ accepted: boolean; answer: string }> {
  const [master] = masters(session.nodes);
  const { certificate, key } = credential(session, 'proxy');
  const url = `https://127.0.0.1:${session.layout.apiPorts.port}/api`;
  const { stdout } = await session.shell(master?.name ?? '').run('front-proxy', [certificate, key, url]);
  const status = stdout.trim();
  return { accepted: status !== '401', answer: `status ${status}` };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
}

type Attempt = Readonly<{ accepted: boolean | undefined; answer: string }>;

/**
 * What became of each old credential when it was used before `distrust`: tried once, and written down, since a run that
 * takes the rotation up in `distrust` can no longer see it. Empty where nobody tried in time.
 */
export async function triedBeforeDistrust(session: Session): Promise<Map<string, Attempt>> {
  const { journal } = session.state;
  const id = 'old-credentials-before-distrust';
  const known = journal.records.find((record) => record.type === 'fact' && record.id === id);
  if (known) return new Map(known.details as [string, Attempt][]);
  if (journal.records.some((record) => record.type === 'intent' && record.id.startsWith('distrust/')))
    return new Map();
  const tried = await tryAll(oldCredentials(session));
  journal.append('fact', id, [...tried]);
  return tried;
}

/** Tries every old credential. One that cannot be tried is an answer too, and counts as neither accepted nor refused. */
export async function tryAll(credentials: readonly OldCredential[]): Promise<Map<string, Attempt>> {
  return new Map(
    await Promise.all(
      credentials.map(async (old): Promise<[string, Attempt]> => [old.name, await attempt(old)]),
    ),
  );
}

async function attempt(old: OldCredential): Promise<Attempt> {
  try {
    return await old.try();
  } catch (error) {
    return { accepted: undefined, answer: messageOf(error) };
  }
}
