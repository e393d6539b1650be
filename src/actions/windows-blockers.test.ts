import { beforeAll, describe, expect, it } from 'vitest';
import { RemoteError } from '../adapters/ssh/error.js';
import type { ApiModel } from '../model/apimodel.js';
import type { ClusterNode } from '../model/cluster.js';
import { generateKey, mintAuthority } from '../pki/index.js';
import { windowsBlockers } from './windows-blockers.js';

let ca: string;
let other: string;
beforeAll(async () => {
  const key = await generateKey({ type: 'ec', curve: 'prime256v1' });
  const validity = { notBefore: new Date(Date.now() - 1000), notAfter: new Date(Date.now() + 3_600_000) };
  [ca, other] = ['ca', 'other'].map((commonName) => mintAuthority({ commonName, key, validity }).pem) as [
    string,
    string,
  ];
});

const node: ClusterNode = { name: '1234k8s000', address: '10.240.0.9', role: 'agent', os: 'windows' };
const access = { adminUsername: 'winadmin', adminPassword: 'Hidden-Passw0rd', sshEnabled: true };

function model(windowsProfile: unknown): ApiModel {
  const text = JSON.stringify({ properties: { windowsProfile } });
  return { file: 'apimodel.json', text, certificateProfile: { caCertificate: ca } } as ApiModel;
}

/** Nodes that answer the inspection so, or throw it. */
function reach(answer: unknown) {
  return {
    windows: () => ({
      node,
      talk: <T>(work: (talk: { run(): Promise<unknown> }) => Promise<T>) =>
        work({ run: () => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)) }),
    }),
  };
}

const good = () => ({ ca, configCa: ca, kubelet: 'Running', resetScript: true });
const texts = async (profile: unknown, answer: unknown): Promise<string[]> =>
  (await windowsBlockers([node], model(profile), reach(answer), 'r')).map(
    ({ where, what, next }) => `${where}: ${what}; ${next}`,
  );

describe('Windows agents', () => {
  it('are no obstacle when they answer and hold the CA of the model', async () => {
    expect(await texts(access, good())).toEqual([]);
  });

  it('are not asked for where there are none', async () => {
    expect(await windowsBlockers([], model(null), reach(new Error('asked')), 'r')).toEqual([]);
  });

  it('need SSH, a name and the password itself in the model', async () => {
    const leave =
      ', or leave each Windows node out with --leave-node; it will not reach the API after distrust';
    expect(await texts(null, good())).toEqual([
      `apimodel.json: properties.windowsProfile: found nothing, but the cluster has Windows nodes; use the API model of this cluster${leave}`,
    ]);
    expect(await texts({ ...access, sshEnabled: false }, good())).toEqual([
      `apimodel.json: properties.windowsProfile.sshEnabled: found false; expected true; enable SSH on the Windows nodes and say so here${leave}`,
    ]);
    expect(await texts({ ...access, adminUsername: '' }, good())).toEqual([
      `apimodel.json: properties.windowsProfile.adminUsername: found nothing; expected the name of the administrator; give it${leave}`,
    ]);
    for (const adminPassword of [null, '', { vaultID: 'x' }, '/subscriptions/s/vaults/v/secrets/p'])
      expect((await texts({ ...access, adminPassword }, good()))[0]).toContain(
        'properties.windowsProfile.adminPassword: found no text; expected the password itself',
      );
  });

  it('are named when they hold another CA, lack the reset script or cannot be reached', async () => {
    const found = await texts(access, { ...good(), configCa: other, resetScript: false });
    expect(found).toHaveLength(2);
    expect(found[0]).toContain('node 1234k8s000: c:\\k\\config: holds another CA than the API model');
    expect(found[1]).toContain('node 1234k8s000: c:\\k\\windowsnodereset.ps1: is missing');
    expect(found[1]).toContain('--leave-node 1234k8s000');
    const gone = new RemoteError('unreachable', 'node 1234k8s000: SSH cannot be reached', {
      node: node.name,
    });
    expect((await texts(access, gone))[0]).toContain('SSH cannot be reached');
    expect((await texts(access, { ca: 5 }))[0]).toContain('another answer than expected');
  });
});
