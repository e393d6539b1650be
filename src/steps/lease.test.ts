import { describe, expect, it } from 'vitest';
import { KubeError } from '../adapters/kube/error.js';
import type { KubeClient } from '../adapters/kube/types.js';
import { giveLeaseBack } from './lease.js';

const asked = { server: 'https://api', method: 'PATCH', path: '/lease' };
const interrupted = new KubeError(asked, { reason: 'Interrupted', text: 'the connection broke' });

/** Gives a lease back at an API server that answers as `answers` say, one after another. */
async function givenBack(answers: (number | Error)[]): Promise<{ asked: number; notes: string[] }> {
  const notes: string[] = [];
  let times = 0;
  const kube = {
    request: () => {
      const answer = answers[times++] ?? 200;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve({ status: answer });
    },
  } as unknown as KubeClient;
  const note = (text: string): void => void notes.push(text);
  await giveLeaseBack({ kube: () => kube, note }, 'kube-controller-manager', 'master-0_1');
  return { asked: times, notes };
}

describe('a lease that is given back', () => {
  it('is asked for once where that is answered', async () => {
    expect(await givenBack([200])).toEqual({ asked: 1, notes: [] });
    expect((await givenBack([422])).notes).toEqual([
      'lease kube-controller-manager was not given back (status 422): another process took it',
    ]);
  });

  it('is asked for again when the answer was lost, and may have been given back by then', async () => {
    expect(await givenBack([interrupted, 422])).toEqual({ asked: 2, notes: [] });
  });

  it('is left to run out when no answer comes: that ends no rotation', async () => {
    const { asked: times, notes } = await givenBack([interrupted, interrupted, interrupted]);
    expect([times, notes]).toEqual([
      3,
      [
        expect.stringMatching(
          /^lease kube-controller-manager was not given back, it runs out by itself: .*broke/,
        ),
      ],
    ]);
  });

  it('is an error where the API refuses for good', async () => {
    const refused = new KubeError(asked, { status: 403, reason: 'Forbidden', text: 'no' });
    await expect(givenBack([refused])).rejects.toBe(refused);
  });
});
