import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { exitError, RemoteError } from '../adapters/ssh/error.js';
import { StoppedError } from '../execute/stop.js';
import { aksEngineLinux as layout } from '../layouts/aks-engine-linux.js';
import { Materials } from '../model/materials.js';
import type { StepOf } from '../model/plan.js';
import type { StepContext } from './context.js';
import { GapError, restartApiServer } from './restart-apiserver.js';

const stepOn = (node: string, etcd: boolean): StepOf<'restart-apiserver'> =>
  ({
    id: `trust/apiserver/${node}`,
    title: node,
    kind: 'restart-apiserver',
    ...{ node, etcd, before: [], files: [] },
    swap: {
      ...{ program: 'kube-apiserver', old: ['a.yaml'], new: 'b.yaml', mode: '644', owner: 'root:root' },
      ...{ text: 'new', arguments: ['--a'] },
    },
  }) as unknown as StepOf<'restart-apiserver'>;

const answers: Readonly<Record<string, string>> = {
  ...{ arm: 'armed', pause: 'paused', resume: 'resumed', move: 'moved 1 2 settled' },
};

/** Three masters; etcd is led by m<leader>, by none (-1), or does not answer. A restart says `log`. */
function world(leader: number | undefined, log = 'log\n', moved = answers['move'], slowPauses = 0) {
  let leads = leader;
  const notes: string[] = [];
  const moves: string[] = [];
  const words: string[] = [];
  let slow = slowPauses;
  const facts: unknown[] = [];
  const settings: Record<string, string> = {};
  const status = (): string =>
    [0, 1, 2]
      .map((index) => `https://10.0.0.${index}:2379, ${index}, 3.3.25, 20 MB, ${index === leads}, 2, 99`)
      .join('\n');
  const away = new RemoteError('exit', 'node m0: etcd failed (exit 1)', { node: 'm0' });
  const run = (script: string, args: readonly string[] = []): Promise<{ stdout: string }> => {
    if (script === 'etcd')
      return leads === undefined ? Promise.reject(away) : Promise.resolve({ stdout: status() });
    for (const pair of args.filter((arg) => arg.includes('='))) {
      const [key = '', ...value] = pair.split('=');
      settings[key] = value.join('=');
    }
    return Promise.resolve({ stdout: log });
  };
  const converse = (script: string, args: readonly string[]): Promise<unknown> => {
    let last = '';
    return Promise.resolve({
      send(word: string) {
        last = word;
        if (script === 'pause') words.push(word);
        if (word !== 'move') return;
        leads = Number(args[3]);
        moves.push(`to m${leads}`);
      },
      receive: async () => {
        if (last === 'pause' && slow-- > 0) await sleep(700);
        return (last === 'move' ? moved : answers[last]) ?? 'waiting';
      },
      close: () => Promise.resolve(script),
    });
  };
  const context = {
    ...{ rotation: 'r', layout, materials: new Materials(new Map()), serviceIp: '10.1.0.1' },
    etcdEndpoints: new Map([0, 1, 2].map((index) => [`m${index}`, `https://10.0.0.${index}:2379`])),
    nodes: () =>
      [0, 1, 2].map((index) => ({
        ...{ name: `m${index}`, address: `10.0.0.${index}`, role: 'master', os: 'linux' },
      })),
    note: (text: string) => notes.push(text),
    journal: { append: (...record: unknown[]) => facts.push(record) },
    calm: () => Promise.resolve(moves.push('calm')),
    shell: () => ({ run, converse }),
  } as unknown as StepContext;
  return { context, notes, moves, facts, settings, words };
}

describe("a master's restart", () => {
  it('has its connections go to the master whose etcd member leads', async () => {
    const { context, settings, moves, facts } = world(2);
    await restartApiServer(stepOn('m0', false), context);
    expect({ moves, facts, targets: settings['targets'] }).toEqual({
      ...{ moves: [], facts: [], targets: '10.0.0.2 10.0.0.1' },
    });
  });

  it.each([true, false])('has leadership move away first, behind pauses (with etcd: %s)', async (etcd) => {
    const { context, settings, moves, facts } = world(2);
    await restartApiServer(stepOn('m2', etcd), context);
    expect(facts).toMatchObject([
      [
        'fact',
        'leadership/trust/apiserver/m2',
        { from: 'm2', to: 'm0', pauses: [{ node: 'm0' }, { node: 'm1' }, { node: 'm2' }] },
      ],
    ]);
    expect({ moves, targets: settings['targets'] }).toEqual({
      ...{ moves: ['to m0', 'calm'], targets: '10.0.0.0 10.0.0.1' },
    });
  });

  it.each([
    ['settled', true, 0],
    ['unsettled', false, 1],
  ])('tells when a member did not serve under its new leader: %s', async (word, settled, told) => {
    const { context, facts, notes } = world(2, 'log\n', `moved 1 2 ${word}`);
    await restartApiServer(stepOn('m2', true), context);
    expect(facts).toMatchObject([['fact', 'leadership/trust/apiserver/m2', { settled }]]);
    expect(notes.filter((note) => note.includes('did not answer in time'))).toHaveLength(told);
  });

  it.each([
    [1, 2],
    // A machine that never is that quick.
    [9, 3],
  ])(
    'pauses again when a pause took so long to begin that its time was nearly over (%i slow)',
    async (slow, pauses) => {
      const { context, words, facts } = world(2, 'log\n', 'moved 1 2 settled', slow);
      await restartApiServer(stepOn('m2', true), context);
      const tried = ['arm', 'pause', 'resume'].flatMap((word) => Array<string>(3).fill(word));
      expect(words).toEqual(Array<string[]>(pauses).fill(tried).flat());
      expect(facts).toHaveLength(1);
    },
  );

  it('ends the step in hand when a stop ends the wait after the move', async () => {
    const { context, settings, facts } = world(2);
    const stopped = { ...context, calm: () => Promise.reject(new StoppedError('stopped')) };
    await restartApiServer(stepOn('m2', true), stopped);
    expect({ targets: settings['targets'], moves: facts.length }).toEqual({
      ...{ targets: '10.0.0.0 10.0.0.1', moves: 1 },
    });
  });

  it('goes on, with a note, when no leader can be asked for and its etcd stays', async () => {
    const { context, settings, notes } = world(undefined);
    await restartApiServer(stepOn('m1', false), context);
    expect(settings['targets']).toBe('10.0.0.0 10.0.0.2');
    expect(notes).toEqual([
      expect.stringMatching(/^node m1: restarts without regard to etcd's leader: .*exit 1/),
    ]);
  });

  it.each([
    { leader: undefined, says: 'exit 1' },
    { leader: -1, says: 'found no leader' },
  ])('does not restart etcd where no leader is found: $says', async ({ leader, says }) => {
    const { context, settings } = world(leader);
    await expect(restartApiServer(stepOn('m1', true), context)).rejects.toThrow(says);
    expect(settings).toEqual({});
  });
});

describe("an only master's restart", () => {
  const step = { ...stepOn('m0', false), second: { port: 6444, text: 'second' } };

  it.each([
    [false, 'no'],
    [true, 'yes'],
  ])('has a gap only where the operator knows of one (%s)', async (acceptsGap, gap) => {
    const { context, settings } = world(0);
    await restartApiServer(step, { ...context, acceptsGap });
    expect(settings).toMatchObject({ second_port: '6444', gap });
  });

  it('says that it was the gap which nobody had accepted', async () => {
    const stderr = 'nothing has changed; or accept the gap with --skip-gate single-master-gap';
    const { context } = world(0);
    const failing = (error: Error): StepContext => ({
      ...context,
      shell: () =>
        ({
          run: (script: string) =>
            script === 'start-step' ? Promise.reject(error) : Promise.resolve({ stdout: '' }),
        }) as unknown as ReturnType<StepContext['shell']>,
    });
    const gap = exitError('m0', 'start-step', 1, stderr);
    await expect(restartApiServer(step, failing(gap))).rejects.toThrow(GapError);
    const other = exitError('m0', 'start-step', 1, 'disk full');
    await expect(restartApiServer(step, failing(other))).rejects.toBe(other);
  });

  it('has its gap measured, by the clock of the node', async () => {
    const log =
      '1000 gap: nobody answers until it is back\n1010 sigterm\n1900 manifest b.yaml\n10800 ready\n';
    expect(await restartApiServer(step, world(0, log).context)).toMatchObject({ gapMs: 9_800 });
    const none = '1000 second ready\n1010 redirect to 10.0.0.1:6444\n10800 ready\n';
    expect(await restartApiServer(step, world(0, none).context)).not.toHaveProperty('gapMs');
  });
});
