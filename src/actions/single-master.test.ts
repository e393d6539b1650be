import { describe, expect, it } from 'vitest';
import type { Session } from './session.js';
import { acceptsGap, singleMaster } from './single-master.js';

interface Given {
  readonly obstacle?: string;
  readonly version?: string;
  readonly masters?: number;
  readonly skipGates?: readonly string[];
}

function session({ obstacle = '', version = '1.20.9', masters = 1, skipGates }: Given): Session {
  return {
    nodes: Array.from({ length: masters }, (_, index) => ({ name: `m${index}`, role: 'master' })),
    shell: () => ({ run: () => Promise.resolve({ stdout: obstacle === '' ? '' : `${obstacle}\n` }) }),
    model: { kubernetesVersion: version },
    options: { skipGates },
    gapStated: false,
  } as unknown as Session;
}

async function told(given: Given): Promise<{ notes: string[]; accepted: boolean }> {
  const run = session(given);
  const notes = (await singleMaster(run)).map(({ code, what }) => `${code}: ${what}`);
  return { notes, accepted: acceptsGap(run) };
}

const obstacle = 'no second kube-apiserver: 100 MB are free, expected 600';

describe('the gap of an only master', () => {
  it('is stated, with its length, and then accepted, where a second kube-apiserver cannot run', async () => {
    expect(await told({ obstacle })).toEqual({
      notes: [
        `single-master-gap: ${obstacle}: nobody answers while kube-apiserver restarts, three times, 5 to 20 s each`,
      ],
      accepted: true,
    });
  });

  it('is not accepted where a second one should come up', async () => {
    const { notes, accepted } = await told({});
    expect(notes).toEqual([expect.stringMatching(/^single-master: /)]);
    expect(accepted).toBe(false);
  });

  it('is accepted unseen by its gate, which is told', async () => {
    const { notes, accepted } = await told({ skipGates: ['single-master-gap'] });
    expect(notes).toEqual([expect.stringMatching(/^single-master-gap: should .* 20 s each: --skip-gate/)]);
    expect(accepted).toBe(true);
  });

  it('is another one than that of pods on agents from Kubernetes 1.28 on', async () => {
    const { notes, accepted } = await told({ version: '1.28.0' });
    expect(notes).toEqual([expect.stringMatching(/^single-master-gap: Kubernetes 1\.28 takes/)]);
    expect(accepted).toBe(false);
  });

  it('is accepted by no other gate', async () => {
    expect((await told({ skipGates: ['api'] })).accepted).toBe(false);
  });

  it('is none where there are other masters', async () => {
    expect(await told({ masters: 3, obstacle })).toEqual({ notes: [], accepted: false });
  });
});
