import { z } from 'zod';
import { masters } from '../model/cluster.js';
import type { StepContext } from './context.js';

export interface EtcdMember {
  /** Name of the master that it runs on. */
  readonly node: string;
  /** Member id in hex, as etcdctl takes it. */
  readonly id: string;
  readonly leader: boolean;
}

/** One line of `etcdctl endpoint status -w simple`: endpoint, id, version, size, leader, … (the same from 3.3 to 3.6). */
const statusLine = z.string().transform((line, issues) => {
  const [endpoint, id, , , leader] = line.split(',').map((part) => part.trim());
  if (!endpoint || !id || (leader !== 'true' && leader !== 'false')) {
    issues.addIssue({
      code: 'custom',
      message: `expected "endpoint, id, version, size, leader, …", found "${line}"`,
    });
    return z.NEVER;
  }
  return { endpoint, id, leader: leader === 'true' };
});

/** The members that answer, asked on the first master. @throws RemoteError when one does not answer */
export async function members(context: StepContext): Promise<EtcdMember[]> {
  const endpoints = [...context.etcdEndpoints.values()].join(',');
  const output = await etcdctl(context, endpoints, ['endpoint', 'status', '-w', 'simple']);
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => statusLine.parse(line))
    .flatMap(({ endpoint, id, leader }) => {
      const node = [...context.etcdEndpoints].find(([, url]) => url === endpoint)?.[0];
      return node === undefined ? [] : [{ node, id, leader }];
    });
}

/** Runs etcdctl on a master; a value to put is `stdin`. */
export async function etcdctl(
  context: StepContext,
  endpoints: string,
  args: readonly string[],
  stdin?: string,
): Promise<string> {
  const { layout } = context;
  const [first] = masters(context.nodes());
  const client = layout.credentials(1).find((spec) => spec.name === 'etcdclient');
  if (!first || !client) throw new Error('etcd: there is no master to ask');
  // ca.crt serves in every phase: etcd shows leaf and bridge whenever the two sides may differ.
  const { stdout } = await context
    .shell(first.name)
    .run(
      'etcd',
      [endpoints, layout.ca, client.certificate, client.key, ...args],
      stdin === undefined ? {} : { stdin },
    );
  return stdout;
}
