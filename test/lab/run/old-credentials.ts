import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { credentialsIn } from '../../../lab/probe/credentials.js';
import type { TestLab } from '../test-lab.js';

/** A credential that was taken aside before a rotation, and how it is used. */
export interface KeptCredential {
  readonly name: string;
  /** `https://…`, one for each server that must refuse it. */
  readonly urls: readonly string[];
  /** curl's arguments; secrets are in files. */
  readonly how: readonly string[];
}

/** What a server answered: an HTTP status, or why there was none. */
export interface Answer {
  readonly name: string;
  readonly url: string;
  readonly answer: string;
}

/** Takes one of each kind aside, into a folder that only this user can enter. */
export async function keepCredentials(lab: TestLab, folder: string): Promise<KeptCredential[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const at = (name: string): string => join(folder, name);
  const put = (name: string, text: string): Promise<void> => writeFile(at(name), text, { mode: 0o600 });
  const admin = credentialsIn(lab.kubeconfig);
  await put('admin.crt', admin.cert);
  await put('admin.key', admin.key);
  await put('legacy.header', `Authorization: Bearer ${await legacyToken(lab)}\n`);
  await put('projected.header', `Authorization: Bearer ${await projectedToken(lab)}\n`);
  await put('front-proxy.header', 'X-Remote-User: keyroll-test\nX-Remote-Group: system:masters\n');
  const [first] = lab.masters;
  for (const name of ['etcdclient', 'proxy', 'client'])
    for (const end of ['crt', 'key'])
      await copyFile(join(first?.root ?? '', 'etc/kubernetes/certs', `${name}.${end}`), at(`${name}.${end}`));
  const pair = (name: string): string[] => ['--cert', at(`${name}.crt`), '--key', at(`${name}.key`)];
  const api = lab.masters.map(({ ip }) => `https://${ip}/api/v1/namespaces/lab`);
  const etcd = lab.masters.map(({ ip }) => `https://${ip}:2379/health`);
  return [
    { name: 'admin kubeconfig', urls: api, how: pair('admin') },
    { name: 'client certificate', urls: api, how: pair('client') },
    { name: 'legacy service-account token', urls: api, how: ['-H', `@${at('legacy.header')}`] },
    { name: 'projected service-account token', urls: api, how: ['-H', `@${at('projected.header')}`] },
    { name: 'etcd client certificate', urls: etcd, how: pair('etcdclient') },
    {
      name: 'front-proxy client certificate',
      urls: api,
      how: [...pair('proxy'), '-H', `@${at('front-proxy.header')}`],
    },
  ];
}

interface SecretJson {
  type: string;
  data: { token: string };
}

async function legacyToken(lab: TestLab): Promise<string> {
  const secrets = await lab.list<SecretJson>('secrets', '-n', 'lab');
  const found = secrets.find(({ type }) => type === 'kubernetes.io/service-account-token');
  if (!found) throw new Error('namespace lab: has no token Secret; expected those of its service accounts');
  return Buffer.from(found.data.token, 'base64').toString('utf8');
}

async function projectedToken(lab: TestLab): Promise<string> {
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 24 * 3600 },
  };
  const path = '/api/v1/namespaces/lab/serviceaccounts/client/token';
  const answer = await lab.kubectl(['create', '--raw', path, '-f', '-'], { input: JSON.stringify(request) });
  return (JSON.parse(answer) as { status: { token: string } }).status.token;
}

/** Uses every credential at every server that knows its kind. */
export async function tryCredentials(lab: TestLab, kept: readonly KeptCredential[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const { name, urls, how } of kept)
    for (const url of urls) answers.push({ name, url, answer: await answerOf(lab, url, how) });
  return answers;
}

/** The server's certificate is not looked at: only whom the server accepts is in question. */
async function answerOf(lab: TestLab, url: string, how: readonly string[]): Promise<string> {
  const common = ['curl', '-s', '-S', '-k', '-m', '20', '-o', '/dev/null', '-w', '%{http_code}'];
  const { code, stdout, stderr } = await lab.exec([...common, ...how, url]);
  return code === 0 ? stdout : `no answer: ${stderr.trim()}`;
}

/** A 401, or a handshake that the server broke off because of the certificate. */
export function isRefusal(answer: string): boolean {
  return (
    answer === '401' ||
    /alert (bad certificate|unknown ca|certificate unknown|certificate required)/i.test(answer)
  );
}
