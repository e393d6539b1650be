import { createSign, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { aksEngineLinux as layout } from '../layouts/aks-engine-linux.js';
import { signedBy } from './service-account-tokens.js';
import {
  holdsNodeCredentials,
  holdsToken,
  restartsByHand,
  rolledOut,
  type Pod,
  type Workload,
} from './workloads.js';
import { waitFor } from './wait.js';

const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('signedBy', () => {
  const { privateKey, publicKey } = rsa();
  const signed = `${part({ alg: 'RS256' })}.${part({ sub: 'a' })}`;
  const token = `${signed}.${createSign('sha256').update(signed).sign(privateKey).toString('base64url')}`;
  const pem = (key: typeof publicKey): string => key.export({ type: 'spki', format: 'pem' }).toString();

  it('tells whose key signed a token', () => {
    expect(signedBy(token, pem(publicKey))).toBe(true);
    expect(signedBy(token, pem(rsa().publicKey))).toBe(false);
    expect(signedBy('', pem(publicKey))).toBe(false);
  });
});

const workload = (kind: string, spec: object, status: object): Workload => ({
  kind,
  metadata: { name: 'w', namespace: 'n', generation: 2 },
  spec: { template: { spec: {} }, ...spec },
  status: { observedGeneration: 2, ...status },
});

describe('rolledOut', () => {
  it('waits for the controller to see the change', () => {
    expect(rolledOut(workload('Deployment', { replicas: 1 }, { observedGeneration: 1 }))).toBe(
      'its controller has not seen the change',
    );
  });
  it('waits for updated pods, for old ones to go, and for availability', () => {
    const state = (status: object): true | string =>
      rolledOut(workload('Deployment', { replicas: 2 }, status));
    expect(state({ replicas: 3, updatedReplicas: 1, availableReplicas: 3 })).toBe('1 of 2 pods are updated');
    expect(state({ replicas: 3, updatedReplicas: 2, availableReplicas: 3 })).toBe('1 old pods are left');
    expect(state({ replicas: 2, updatedReplicas: 2, availableReplicas: 1 })).toBe(
      '1 of 2 pods are available',
    );
    expect(state({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 })).toBe(true);
  });
  it('takes a workload of no replicas as done', () => {
    expect(rolledOut(workload('Deployment', { replicas: 0 }, {}))).toBe(true);
  });
  it('knows how DaemonSets and StatefulSets count', () => {
    expect(
      rolledOut(
        workload(
          'DaemonSet',
          {},
          { desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 2 },
        ),
      ),
    ).toBe('2 of 3 pods are available');
    expect(
      rolledOut(
        workload(
          'StatefulSet',
          { replicas: 2 },
          { replicas: 2, updatedReplicas: 1, readyReplicas: 2, currentRevision: 'a', updateRevision: 'b' },
        ),
      ),
    ).toBe('1 of 2 pods are updated');
    expect(
      rolledOut(
        workload(
          'StatefulSet',
          { replicas: 2 },
          { replicas: 2, readyReplicas: 2, currentRevision: 'b', updateRevision: 'b' },
        ),
      ),
    ).toBe(true);
  });
});

describe('what a pod holds', () => {
  it("sees its node's certificates, however they are mounted", () => {
    const mounts = (path: string): boolean =>
      holdsNodeCredentials({ volumes: [{ hostPath: { path } }] }, layout);
    expect(
      ['/etc/kubernetes/certs', '/etc/kubernetes/', '/var/lib/kubelet', '/', '/etc'].map(mounts),
    ).toEqual([true, true, true, true, true]);
    expect(['/var/log', '/usr', '/var/lib/kubelet2', '/etc/kubernetes-other'].map(mounts)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
  it('sees projected and legacy tokens', () => {
    const pod = (volume: object): Pod => ({
      metadata: { name: 'p', namespace: 'n' },
      spec: { volumes: [volume] },
    });
    const secrets = new Set(['n/token']);
    expect(holdsToken(pod({ secret: { secretName: 'token' } }), secrets)).toBe(true);
    expect(holdsToken(pod({ secret: { secretName: 'other' } }), secrets)).toBe(false);
    expect(holdsToken(pod({ projected: { sources: [{ serviceAccountToken: {} }] } }), secrets)).toBe(true);
  });
  it('knows who is not restarted by anybody', () => {
    expect(restartsByHand(workload('DaemonSet', { updateStrategy: { type: 'OnDelete' } }, {}))).toBe(true);
    expect(restartsByHand(workload('Deployment', { paused: true }, {}))).toBe(true);
    expect(restartsByHand(workload('Deployment', {}, {}))).toBe(false);
  });
});

describe('waitFor', () => {
  it('says what was waited for, for how long, and what was seen last', async () => {
    await expect(
      waitFor('the door is open', () => Promise.resolve('it is shut'), { timeoutMs: 20, everyMs: 5 }),
    ).rejects.toThrow('the door is open: not so after 0 s; it is shut; run the same command again to go on');
  });
});
