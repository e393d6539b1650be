import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateProfile } from '../../src/hollow/cluster/model.js';
import { makePki, type ClusterPki, type Pair } from '../../src/hollow/cluster/pki.js';
import type { KubeObject } from '../../src/hollow/kube/objects.js';
import { shortenedTimings, startCluster, type HollowCluster } from '../../src/hollow/index.js';
import { parseCertificate } from '../../src/pki/index.js';
import { failuresIn, type Report } from '../../src/report/report.js';
import { stackBehind, type StackBehind } from '../hollow/azure-flags.js';
import { endState, nodeFiles } from '../hollow/faults/node-files.js';
import { keyroll, likeAksEngine, type Ended, type When } from '../hollow/keyroll.js';
import {
  addConfigMap,
  addDeployment,
  deletePodsOf,
  removeConfigMap,
  replicasOf,
} from '../hollow/kube-system.js';

const ec = { type: 'ec', curve: 'prime256v1' } as const;
const certs = '/etc/kubernetes/certs';
/** Until the front proxy expires: many times what a cluster takes to come up. */
const frontProxyMs = 180_000;
const minutes = (count: number): { timeout: number } => ({ timeout: count * 60_000 });

let cluster: HollowCluster;
let azure: StackBehind;
let frontProxyEnd: Date;
/** The set that the cluster has been given last. */
let given: ClusterPki;

beforeAll(async () => {
  frontProxyEnd = new Date(Math.ceil((Date.now() + frontProxyMs) / 1000) * 1000);
  cluster = await startCluster({
    ...{ masters: 3, agents: 2, timings: shortenedTimings, keys: ec, projectedTokens: false },
    ...{ watchdogDelayMs: 5_000, frontProxyEnd },
  });
  azure = await stackBehind(cluster, 'adfs');
  await addDeployment(cluster, 'cluster-autoscaler', 2);
  await addConfigMap(cluster, 'addon');
  await addDeployment(cluster, 'addon', 1, 'addon');
  await cluster.admin.well();
}, 240_000);
afterAll(async () => {
  await azure.stack.close();
  await cluster.stop();
});

const inOperatorFolder = (name: string): string => join(cluster.operatorFolder, name);
const read = (name: string): string => readFileSync(inOperatorFolder(name), 'utf8');
const reportOf = (name: string): Report => JSON.parse(read(name)) as Report;

/** Writes a set of certificates as a file for `--certificate-profile`. */
function profileFile(name: string, pki: ClusterPki): string {
  writeFileSync(inOperatorFolder(name), JSON.stringify({ certificateProfile: certificateProfile(pki) }), {
    mode: 0o600,
  });
  return name;
}

/** The files of a pair on some nodes, or beside the API model, that are not its PEMs to the byte. */
function strangers(pki: ClusterPki): string[] {
  const wanted: Record<string, Pair> = {
    ...{ apiserver: pki.apiserver, client: pki.client, kubectlClient: pki.kubectlClient },
    ...{ etcdserver: pki.etcdserver, etcdclient: pki.etcdclient },
    ...Object.fromEntries(pki.etcdpeers.map((pair, index) => [`etcdpeer${index}`, pair])),
  };
  const held = (role: 'master' | 'agent', index: number): string[] =>
    role === 'agent'
      ? ['client']
      : Object.keys(wanted).filter((name) => !name.startsWith('etcdpeer') || name === `etcdpeer${index}`);
  const differs = (file: string, text: string): string[] =>
    readFileSync(file, 'utf8') === text ? [] : [file];
  const onNodes = cluster.plan.nodes.flatMap(({ name, role, index }) => {
    const at = (file: string): string => cluster.machine(name).node.path(`${certs}/${file}`);
    return [
      ...differs(at('ca.crt'), pki.ca.certificate),
      ...(role === 'master' ? differs(at('ca.key'), pki.ca.key) : []),
      ...held(role, index).flatMap((credential) => [
        ...differs(at(`${credential}.crt`), wanted[credential]?.certificate ?? ''),
        ...differs(at(`${credential}.key`), wanted[credential]?.key ?? ''),
      ]),
    ];
  });
  const beside = Object.entries({ ca: pki.ca, ...wanted }).flatMap(([name, { certificate, key }]) => [
    ...differs(inOperatorFolder(`${name}.crt`), certificate),
    ...differs(inOperatorFolder(`${name}.key`), key),
  ]);
  return [...onNodes, ...beside];
}

/** What the API model, the admin's kubeconfig and the cluster say of the set that was given. */
async function expectTheSet(pki: ClusterPki): Promise<void> {
  expect(strangers(pki)).toEqual([]);
  const { properties } = JSON.parse(read('apimodel.json')) as { properties: { certificateProfile: unknown } };
  expect(properties.certificateProfile).toEqual(certificateProfile(pki));
  const kubeconfig = read(`kubeconfig/kubeconfig.${cluster.plan.location}.json`);
  for (const pem of [pki.ca.certificate, pki.kubectlClient.certificate, pki.kubectlClient.key])
    expect(kubeconfig).toContain(Buffer.from(pem).toString('base64'));
  cluster.admin.reread();
  await cluster.admin.well();
}

async function aggregatedApi(): Promise<string | undefined> {
  interface ApiService extends KubeObject {
    status?: { conditions?: { type: string; status: string }[] };
  }
  const { status } = await cluster.admin.client.get<ApiService>(
    '/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.lab.keyroll.dev',
  );
  return status?.conditions?.find(({ type }) => type === 'Available')?.status;
}

describe('a set from a file, by the full command line with AD FS, where the front proxy has expired', () => {
  const like = (report: string, more: { when?: When; environment?: Record<string, string> } = {}) =>
    likeAksEngine(cluster, azure, { report: inOperatorFolder(report), ...more }, [
      ...['--certificate-profile', 'profile.json', '--force'],
    ]);
  const replicas = (): Promise<number> => replicasOf(cluster, 'cluster-autoscaler');

  beforeAll(async () => {
    given = await makePki(cluster.plan, ec, { ca: 'ca-of-ours' });
    profileFile('profile.json', given);
    await sleep(Math.max(0, frontProxyEnd.getTime() - Date.now()) + 2_000);
    await expect.poll(aggregatedApi, { timeout: 60_000, interval: 1_000 }).not.toBe('True');
  }, 300_000);

  it('stops at Ctrl-C, and gives the autoscaler its replicas back', minutes(5), async () => {
    let paused = -1;
    const { code, output } = await like('first.json', {
      when: {
        said: 'trust: masters accept',
        act: async (kill) => {
          paused = await replicas();
          kill('SIGINT');
        },
      },
    });
    expect(code, output).toBe(130);
    expect([paused, await replicas()]).toEqual([0, 2]);
    expect(azure.stack.requests.some((line) => /^POST \/adfs\/oauth2\/token\/ 200$/.test(line))).toBe(true);
  });

  it('names an addon that does not come back, and stops before distrust', minutes(8), async () => {
    await removeConfigMap(cluster, 'addon');
    let paused = -1;
    const { code, output } = await like('second.json', {
      environment: { KEYROLL_WAIT_WORKLOADS: '60s' },
      when: { said: 'present: masters show', act: async () => void (paused = await replicas()) },
    });
    expect(code, output).toBe(6);
    expect(output).toMatch(/restarted workloads are available.*Deployment kube-system\/addon: /);
    expect(reportOf('second.json').outcome).toBe('failed');
    expect(output).not.toContain('distrust: nothing accepts');
    cluster.admin.reread();
    expect([paused, await replicas()]).toEqual([0, 2]);
  });

  it(
    'goes on once that is mended; one that is lost after that is named, by exit code 11',
    minutes(15),
    async () => {
      await addConfigMap(cluster, 'addon');
      const { code, output } = await like('third.json', {
        when: {
          said: 'distrust: nothing accepts',
          act: async () => {
            cluster.admin.reread();
            await removeConfigMap(cluster, 'addon');
            await deletePodsOf(cluster, 'addon');
          },
        },
      });
      expect(code, output).toBe(11);
      const report = reportOf('third.json');
      expect(report.outcome).toBe('rotated');
      expect(report.addonsMissing).toEqual(['Deployment kube-system/addon: 0 of 1 pods are available']);
      expect(output).toContain('NOT BACK: Deployment kube-system/addon: 0 of 1 pods are available');
      cluster.admin.reread();
      expect(await replicas()).toBe(2);
      await addConfigMap(cluster, 'addon');
    },
  );

  it(
    "has failed no request in all three, and ends as the file's PEMs and a new front proxy",
    minutes(3),
    async () => {
      const reports = ['first.json', 'second.json', 'third.json'].map(reportOf);
      expect(reports.map(({ probe }) => failuresIn(probe))).toEqual([0, 0, 0]);
      expect(cluster.calls.failed).toBe(0);
      expect(reports[2]?.refused.filter(({ refusedAfter }) => !refusedAfter)).toEqual([]);
      await expectTheSet(given);
      expect(await aggregatedApi()).toBe('True');
      for (const { node } of cluster.machines.slice(0, 3)) {
        const proxyCa = parseCertificate(
          readFileSync(node.path(`${certs}/proxy-ca.crt`), 'utf8'),
          'proxy CA',
        );
        // As long as the cluster CA was made to last.
        expect(proxyCa.notAfter.getTime() - Date.now()).toBeGreaterThan(29 * 365 * 86_400_000);
      }
      expect(azure.stack.unknown).toEqual([]);
    },
  );
});

describe('a set from a file whose CA is the present one', () => {
  it('renews leaves only, and fails no request', minutes(8), async () => {
    const before = given.ca.certificate;
    given = await makePki(cluster.plan, ec, { ca: given.ca });
    profileFile('leaves.json', given);
    const failed = cluster.calls.failed;
    const { code, output } = await keyroll(cluster, [
      ...['rotate-certs', '--certificate-profile', inOperatorFolder('leaves.json')],
      ...['--report', inOperatorFolder('leaves-report.json')],
    ]);
    expect(code, output).toBe(0);
    const report = reportOf('leaves-report.json');
    expect(failuresIn(report.probe)).toBe(0);
    expect(cluster.calls.failed).toBe(failed);
    expect(given.ca.certificate).toBe(before);
    await expectTheSet(given);
    const same = report.credentials.filter((one) => one.oldFingerprint === one.newFingerprint);
    expect(same).toEqual([]);
    // What the present CA signed is accepted until it expires, so only the rest is tried.
    expect(report.refused.map(({ name }) => name)).toEqual([
      'service-account token (legacy)',
      'service-account token (projected)',
      'front-proxy client certificate',
    ]);
    expect(report.refused.every(({ refusedAfter }) => refusedAfter)).toBe(true);
  });
});

describe("a set from a file whose CA has the present one's subject and another key", () => {
  const rotate = (more: readonly string[]): Promise<Ended> =>
    keyroll(cluster, [
      ...['rotate-certs', '--certificate-profile', inOperatorFolder('same.json'), ...more],
      ...['--report', inOperatorFolder('same-report.json')],
    ]);

  beforeAll(async () => {
    given = await makePki(cluster.plan, ec, { ca: 'ca-of-ours' });
    profileFile('same.json', given);
  });

  it('is refused, and nothing is touched', minutes(2), async () => {
    const files = nodeFiles(cluster);
    const { code, output } = await rotate([]);
    expect(code, output).toBe(3);
    expect(output).toContain(
      'certificateProfile.caCertificate: has the subject of the present CA (CN=ca-of-ours) but another key, so no bridge is possible',
    );
    expect(output).toContain('give --accept-same-subject');
    const changed = Object.entries(endState(files, nodeFiles(cluster), new Map()));
    expect(changed.filter(([, word]) => word !== 'as before')).toEqual([]);
  });

  it(
    'is taken with --accept-same-subject: the gap is stated first, and its failed requests are in the report',
    minutes(8),
    async () => {
      const { code, output } = await rotate(['--accept-same-subject']);
      expect(code, output).toBe(7);
      const [stated, begun] = [
        output.indexOf('all masters stop at once, and every request fails until they are back'),
        output.indexOf('making the new keys'),
      ];
      expect(stated).toBeGreaterThan(0);
      expect(stated).toBeLessThan(begun);
      const report = reportOf('same-report.json');
      expect(report.outcome).toBe('rotated');
      expect(report.phases.map(({ name }) => name)).toEqual(['rescue-masters', 'rescue-nodes']);
      expect(report.probe['kept-http2']?.failed).toBeGreaterThan(0);
      expect(report.probe['write']).toMatchObject({ lost: 0 });
      expect(output).toMatch(/Rotated after .* requests sent, [1-9]\d* failed\./);
      const same = report.credentials.filter((one) => one.oldFingerprint === one.newFingerprint);
      expect(same).toEqual([]);
      expect(report.refused.length).toBeGreaterThanOrEqual(6);
      expect(report.refused.filter(({ refusedAfter }) => !refusedAfter)).toEqual([]);
      await expectTheSet(given);
      expect(await replicasOf(cluster, 'cluster-autoscaler')).toBe(2);
    },
  );
});
