import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { azureArguments } from '../../lab/azure-stack/principal.js';
import { labFolders } from '../../lab/cluster/machines/folders.js';
import { labSuite } from '../lab/lab-suite.js';
import { rotation } from '../lab/rotation-suite.js';
import { startStack, type RunningStack } from '../lab/run/azure-stack.js';
import { allFailures, rotateLab, type Rotation } from '../lab/run/rotation.js';
import { say } from '../lab/say.js';
import { bringUp, stateDir } from '../lab/test-lab.js';

const folder = labFolders({ stateDir }).cluster;
// The stack's own CA, as an operator of one has it in the environment.
process.env['NODE_EXTRA_CA_CERTS'] = join(folder, 'azure-stack-ca.crt');

labSuite('lab behind a stand-in for Azure Stack Hub', () => {
  let stack: RunningStack | undefined;
  const withStack = async (system: 'azure_ad' | 'adfs') => {
    const lab = await bringUp();
    stack = await startStack(lab, system);
    return lab;
  };
  const stop = async (): Promise<void> => {
    await stack?.stop();
    stack = undefined;
  };

  describe('Azure AD, by secret', () => {
    afterAll(stop);
    const args = azureArguments(folder, 'azure_ad', 'client_secret');
    rotation({ title: "aks-engine's full command line", load: false, args }, () => withStack('azure_ad'));
  });

  describe('AD FS, by certificate', () => {
    afterAll(stop);
    const args = azureArguments(folder, 'adfs', 'client_certificate');
    rotation({ title: "aks-engine's full command line", load: false, args }, () => withStack('adfs'));
  });

  describe('with --reboot', () => {
    let seen: Rotation | undefined;
    beforeAll(async () => {
      const args = [...azureArguments(folder, 'azure_ad', 'client_secret'), '--reboot'];
      const lab = await withStack('azure_ad');
      seen = await rotateLab(lab, { title: 'a rotation by reboots', load: false, args });
    });
    afterAll(stop);

    it('rotates, and refuses the old side', () => {
      expect(seen?.report.outcome).toBe('rotated');
      expect(seen?.report.refused.every(({ refusedAfter }) => refusedAfter)).toBe(true);
    });

    it('reboots each master three times', () => {
      const machines = seen?.report.restarts.filter(({ process }) => process === 'machine');
      expect(machines?.map(({ count }) => count)).toEqual([3, 3, 3]);
    });

    it('fails no request outside the pods of the machine that is down', () => {
      const failed = seen ? allFailures({ ...seen, pods: [] }) : [];
      say(`--reboot: ${failed.length} requests failed`);
      expect(failed).toEqual([]);
    });
  });
});
