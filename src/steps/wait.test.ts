import { describe, expect, it } from 'vitest';
import { KubeError } from '../adapters/kube/error.js';
import { pauses, waitFor } from './wait.js';

const request = { server: 'https://m', method: 'GET', path: '/api' };
const answered = (status: number): KubeError => new KubeError(request, { status, reason: 'R', text: 'why' });

/** Fails with each of these in turn, then it is so. */
function look(...errors: readonly Error[]): () => Promise<true> {
  const left = [...errors];
  return () => {
    const error = left.shift();
    return error ? Promise.reject(error) : Promise.resolve(true);
  };
}

describe('waitFor', () => {
  it('asks again when the API server is busy or away for a moment', async () => {
    const gone = new KubeError(request, { reason: 'Timeout', text: 'no answer' });
    await waitFor('x', look(answered(500), answered(429), gone), { timeoutMs: 60_000, everyMs: 1 });
  });

  it('says what the API server said last when that does not pass', async () => {
    const never = (): Promise<true> => Promise.reject(answered(503));
    await expect(waitFor('x', never, { timeoutMs: 20, everyMs: 5 })).rejects.toThrow(
      'x: not so after 0 s; Kubernetes API https://m: GET /api: 503 R: why; run the same command again to go on',
    );
  });

  it('throws every other error at once', async () => {
    await expect(waitFor('x', look(answered(403)), { timeoutMs: 60_000 })).rejects.toThrow('403 R');
    await expect(waitFor('x', look(new Error('broken')), { timeoutMs: 60_000 })).rejects.toThrow('broken');
  });
});

it('pauses grow from a tenth of a second to the longest', () => {
  const growing = pauses(500);
  expect(Array.from({ length: 6 }, () => Math.round(growing.next().value))).toEqual([
    100, 150, 225, 338, 500, 500,
  ]);
  expect(pauses(20).next().value).toBe(20);
});
