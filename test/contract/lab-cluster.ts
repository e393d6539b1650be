import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLoad, type LoadResult } from '../lab/run/load.js';
import type { TestLab } from '../lab/test-lab.js';
import type {
  ClientIdentity,
  ContractAnswer,
  ContractCluster,
  ContractRequest,
  LoadFigures,
} from './cluster.js';

/** The real lab, held to the contract. */
export function labContract(lab: TestLab): ContractCluster {
  return {
    masters: lab.masters.map(({ name, ip }) => ({ name, address: ip })),
    ports: { api: 443, etcd: 2379 },
    certs: '/etc/kubernetes/certs',
    onNode: (node, script, input = '') => lab.onNode(node, script, { input }),
    request: (url, identity, request = {}) =>
      withFolder((folder) => requestByCurl(lab, folder, url, identity, request)),
    underLoad: (work) => withFolder((folder) => underLoad(lab, folder, work)),
  };
}

/** A folder that only this user can enter, as long as it is needed. */
async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'keyroll-contract-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** curl's options, by which secrets stay in files. */
async function requestByCurl(
  lab: TestLab,
  folder: string,
  url: string,
  { ca, cert, key, token }: ClientIdentity,
  { method = 'GET', body, contentType = 'application/json' }: ContractRequest,
): Promise<ContractAnswer> {
  const put = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const argv = [
    'curl',
    '-s',
    '-S',
    '-m',
    '20',
    '-X',
    method,
    '-w',
    '\n%{http_code}',
    '--cacert',
    await put('ca', ca),
  ];
  if (cert !== undefined && key !== undefined)
    argv.push('--cert', await put('cert', cert), '--key', await put('key', key));
  if (token !== undefined) argv.push('-H', `@${await put('header', `Authorization: Bearer ${token}\n`)}`);
  if (body !== undefined)
    argv.push('-H', `Content-Type: ${contentType}`, '-d', `@${await put('body', JSON.stringify(body))}`);
  const { code, stdout, stderr } = await lab.exec([...argv, url]);
  if (code !== 0) throw new Error(`${url}: ${stderr.trim()}`);
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end + 1)), text: stdout.slice(0, end) };
}

async function underLoad(lab: TestLab, folder: string, work: () => Promise<void>): Promise<LoadFigures> {
  const load = await startLoad(lab, folder, lab.kubeconfig);
  try {
    await work();
    const { stats } = JSON.parse(await load.finish()) as LoadResult;
    const classes = Object.values(stats.classes);
    const sum = (field: 'requests' | 'failed'): number =>
      classes.reduce((total, figures) => total + figures[field], 0);
    return { requests: sum('requests'), failed: sum('failed') };
  } finally {
    load.kill();
  }
}
