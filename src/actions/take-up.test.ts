import { describe, expect, it } from 'vitest';
import type { StateFolder } from '../adapters/fs/state-folder.js';
import { aksEngineLinux } from '../layouts/aks-engine-linux.js';
import type { ApiModel } from '../model/apimodel.js';
import { BlockedError } from './errors.js';
import type { RotateOptions } from './options.js';
import type { Reach } from './reach.js';
import { becomesRescue } from './take-up.js';

const master = { name: 'm0', address: '10.0.0.5', role: 'master', os: 'linux' } as const;
const names = ['ca.crt', 'old-ca.crt', 'kubectlClient.crt', 'kubectlClient.key'];
const state = { readMaterials: () => new Map(names.map((name) => [name, name])) } as unknown as StateFolder;
const model = { certificateProfile: {} } as ApiModel;

/** What is asked of a cluster whose API gives these answers one after another, the last for ever, and whose master says this. */
function asked(
  answers: readonly number[],
  readyz: string,
  options: Partial<RotateOptions>,
): { readonly become: Promise<boolean>; readonly requests: () => number } {
  let requests = 0;
  const request = (): Promise<{ status: number | undefined }> =>
    Promise.resolve({ status: answers[Math.min(requests++, answers.length - 1)] });
  const reach = {
    kube: () => ({ request, close: () => Promise.resolve() }),
    shell: () => ({ run: () => Promise.resolve({ stdout: `clock 1\nreadyz ${readyz}\n`, stderr: '' }) }),
  } as unknown as Reach;
  const become = becomesRescue(options as RotateOptions, model, aksEngineLinux, [master], state, reach);
  return { become, requests: () => requests };
}

describe('a rotation that is taken up with --force', () => {
  it('is none to rescue while the API serves one of its admins, be it at the third look', async () => {
    const { become, requests } = asked([503, 503, 503, 503, 401, 200], 'ok', { force: true });
    expect(await become).toBe(false);
    expect(requests()).toBe(6);
  });

  it('is refused while a master is ready: then the way to it is broken', async () => {
    const { become } = asked([503], 'ok', { force: true });
    await expect(become).rejects.toThrow(BlockedError);
  });

  it('becomes a rescue when no master is ready, or when the gate is skipped', async () => {
    expect(await asked([503], 'nothing', { force: true }).become).toBe(true);
    expect(await asked([503], 'ok', { force: true, skipGates: ['api'] }).become).toBe(true);
  });

  it('is never one without --force, and nobody is asked', async () => {
    const { become, requests } = asked([503], 'nothing', {});
    expect([await become, requests()]).toEqual([false, 0]);
  });
});
