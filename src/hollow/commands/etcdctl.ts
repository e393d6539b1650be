import { readFileSync, writeFileSync } from 'node:fs';
import type { Machine } from '../contracts.js';
import type { Etcd } from '../etcd/index.js';
import type { EtcdSession } from '../etcd/session.js';
import type { HollowNode } from '../node/node.js';
import { NotKnownError, readOptions, type Answer, type Command } from './command.js';

interface Asked {
  readonly etcd: Etcd;
  readonly machine: Machine;
  readonly endpoints: readonly string[];
  readonly files: { readonly ca: string; readonly certFile: string; readonly keyFile: string };
  readonly timeoutMs: number;
  readonly args: readonly string[];
  readonly stdin: string;
  readonly has: (flag: string) => boolean;
}

/** ms of a duration in Go's words, as far as they are used here: `10s`, `500ms`. */
function duration(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const [, count, unit] = /^(\d+)(ms|s)$/.exec(text) ?? [];
  if (count === undefined) throw new NotKnownError(`etcdctl: the duration ${text} is not known`);
  return Number(count) * (unit === 's' ? 1000 : 1);
}

/** `etcdctl` with the API of version 3, as etcd 3.3 brings it. */
export function etcdctlOf(etcd: Etcd): Command {
  return async ({ node, args, env, stdin }) => {
    if (env['ETCDCTL_API'] !== '3')
      throw new NotKnownError(
        'etcdctl: without ETCDCTL_API=3 etcd 3.3 speaks version 2, which is not known here',
      );
    const { flags, values, rest } = readOptions('etcdctl', args, {
      flags: ['--prefix', '--keys-only', '--print-value-only'],
      values: ['--dial-timeout', '--command-timeout', '--endpoints', '--cacert', '--cert', '--key', '-w'],
    });
    const value = (name: string): string => values.get(name)?.[0] ?? '';
    if ((values.get('-w')?.[0] ?? 'simple') !== 'simple')
      throw new NotKnownError(`etcdctl: -w ${value('-w')} is not known`);
    const command = commands[rest[0] ?? ''];
    if (!command) throw new NotKnownError(`etcdctl: ${rest.join(' ')} is not known`);
    const asked: Asked = {
      etcd,
      machine: absolute(node),
      endpoints: (value('--endpoints') || 'http://127.0.0.1:2379').split(','),
      files: {
        ca: readFileSync(value('--cacert'), 'utf8'),
        certFile: value('--cert'),
        keyFile: value('--key'),
      },
      timeoutMs: duration(values.get('--command-timeout')?.[0], 5_000),
      args: rest.slice(1),
      stdin,
      has: (flag) => flags.has(flag),
    };
    try {
      return await command(asked);
    } catch (error) {
      return { code: 1, err: `Error: ${(error as Error).message}\n` };
    }
  };
}

/** The command is given paths of this computer, not of the machine. */
function absolute(node: HollowNode): Machine {
  return {
    name: node.name,
    address: node.address,
    path: (file) => file,
    listen: (...args) => node.listen(...args),
    dial: (...args) => node.dial(...args),
    log: (line) => node.log(line),
  };
}

type Run = (asked: Asked) => Promise<Answer>;

const commands: Readonly<Record<string, Run>> = {
  endpoint: async (asked) => {
    const each = { status, health }[asked.args[0] ?? ''];
    if (!each) throw new NotKnownError(`etcdctl: endpoint ${asked.args.join(' ')} is not known`);
    const answers = await Promise.all(asked.endpoints.map((endpoint) => each(asked, endpoint)));
    return {
      code: Math.max(...answers.map(({ code }) => code)),
      out: answers.map(({ out }) => out ?? '').join(''),
      err: answers.map(({ err }) => err ?? '').join(''),
    };
  },
  get: (asked) =>
    onFirst(asked, async (session) => {
      const [key = ''] = asked.args;
      const { kvs } = asked.has('--prefix') ? await session.range(key) : await session.get(key);
      const lines = kvs.flatMap(({ key: name, value }) =>
        asked.has('--keys-only') ? [name, ''] : asked.has('--print-value-only') ? [value] : [name, value],
      );
      return { code: 0, out: lines.map((line) => `${line}\n`).join('') };
    }),
  put: (asked) =>
    onFirst(asked, async (session) => {
      const [key = '', value = asked.stdin] = asked.args;
      await session.put(key, value);
      return { code: 0, out: 'OK\n' };
    }),
  del: (asked) =>
    onFirst(asked, async (session) => {
      const [key = ''] = asked.args;
      const { kvs } = await session.get(key);
      if (kvs.length > 0) await session.delete(key);
      return { code: 0, out: `${kvs.length}\n` };
    }),
  'move-leader': (asked) =>
    onFirst(asked, async ({ member }) => {
      const to = asked.etcd.member(asked.args[0] ?? '');
      if (!to) throw new Error('etcdserver: member not found');
      if (member.consensus.leader !== member.name)
        throw new Error(`no leader endpoint given at [${asked.endpoints.join(' ')}]`);
      await member.consensus.move(to.name);
      return { code: 0, out: `Leadership transferred from ${member.id} to ${to.id}\n` };
    }),
  snapshot: (asked) =>
    onFirst(asked, async (session) => {
      const [verb = '', file = ''] = asked.args;
      if (verb !== 'save') throw new NotKnownError(`etcdctl: snapshot ${verb} is not known`);
      const { kvs } = await session.range('');
      writeFileSync(file, JSON.stringify(kvs), { mode: 0o600 });
      return { code: 0, out: `Snapshot saved at ${file}\n` };
    }),
  // A proposal in etcd 3.3 (etcdserver/v3_server.go), which changes nothing; here a read, which needs leader and quorum too.
  alarm: (asked) => {
    const { args } = asked;
    if (args.join(' ') !== 'list') throw new NotKnownError(`etcdctl: alarm ${args.join(' ')} is not known`);
    return onFirst(asked, async (session) => {
      await session.get('alarm');
      return { code: 0 };
    });
  },
};

async function onFirst(asked: Asked, work: (session: EtcdSession) => Promise<Answer>): Promise<Answer> {
  const [endpoint = ''] = asked.endpoints;
  return within(asked, endpoint, work);
}

/** One call to one member, within the command's time. */
async function within<T>(
  { etcd, machine, files, timeoutMs }: Asked,
  endpoint: string,
  work: (session: EtcdSession) => Promise<T>,
): Promise<T> {
  let session: EtcdSession | undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('context deadline exceeded')), timeoutMs);
  });
  const answer = (async () => {
    session = await etcd.connect(machine, { endpoint, ...files });
    return work(session);
  })();
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
    answer.then(
      () => session?.close(),
      () => session?.close(),
    );
  }
}

/** Endpoint, member, version, size, leader, term, index. */
async function status(asked: Asked, endpoint: string): Promise<Answer> {
  try {
    return await within(asked, endpoint, ({ member }) => {
      const { consensus } = member;
      const leads = consensus.leader === member.name && consensus.serves(member.name);
      const fields = [
        endpoint,
        member.id,
        '3.3.25',
        `${Math.round(consensus.store.size / 1000)} kB`,
        leads,
        consensus.term,
        consensus.store.revision,
      ];
      return Promise.resolve({ code: 0, out: `${fields.join(', ')}\n` });
    });
  } catch (error) {
    return {
      code: 1,
      err: `Failed to get the status of endpoint ${endpoint} (${(error as Error).message})\n`,
    };
  }
}

async function health(asked: Asked, endpoint: string): Promise<Answer> {
  const begun = Date.now();
  try {
    await within(asked, endpoint, (session) => session.get('health'));
    return {
      code: 0,
      out: `${endpoint} is healthy: successfully committed proposal: took = ${Date.now() - begun}ms\n`,
    };
  } catch (error) {
    return {
      code: 1,
      err: `${endpoint} is unhealthy: failed to commit proposal: ${(error as Error).message}\n`,
    };
  }
}
