import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bitString, element, integer, oid, sequence } from '../../pki/der.js';
import { newName } from '../../pki/subject.js';
import { isStatus, type Client } from '../client/client.js';
import type { Machine, Running } from '../contracts.js';
import type { KubeObject } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import { FakeNodes } from '../testing/fake-nodes.js';
import {
  apiPort,
  certs,
  makeMaterials,
  SmallControlPlane,
  until,
  type Materials,
} from '../testing/small-control-plane.js';
import { authority } from '../testing/small-pki.js';
import { kubeControllerManager } from './index.js';
import { milliseconds } from './manager.js';

let materials: Materials;
let plane: SmallControlPlane;
let master: Machine;
let admin: Client;
let nodes: FakeNodes;
let manager: Running;

const kubeconfigFile = '/var/lib/kubelet/kubeconfig';

function argv(port: number, signing = 'ca'): string[] {
  return [
    'kube-controller-manager',
    `--kubeconfig=${kubeconfigFile}`,
    `--cluster-signing-cert-file=${certs}/${signing}.crt`,
    `--cluster-signing-key-file=${certs}/ca.key`,
    `--root-ca-file=${certs}/ca.crt`,
    `--service-account-private-key-file=${certs}/sa.key`,
    `--secure-port=${port}`,
    '--leader-elect=true',
    '--node-monitor-grace-period=5m',
  ];
}

/** The node's own kubeconfig; `api` is the machine that it asks. */
function writeKubeconfig(machine: Machine, api = machine): void {
  const user = { 'client-certificate': `${certs}/client.crt`, 'client-key': `${certs}/client.key` };
  const cluster = { 'certificate-authority': `${certs}/ca.crt`, server: `https://${api.address}:${apiPort}` };
  const config = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster }],
    users: [{ name: 'u', user }],
  };
  plane.network.write(machine, kubeconfigFile, JSON.stringify(config));
}

beforeAll(async () => {
  materials = await makeMaterials();
  plane = new SmallControlPlane(materials);
  master = plane.master();
  writeKubeconfig(master);
  await plane.apiserver(master);
  admin = plane.admin(master);
  nodes = new FakeNodes(admin, ['node-1', 'node-2', 'node-3']);
  await nodes.register();
  manager = plane.start(kubeControllerManager(plane.surroundings), argv(10_257), master);
});
afterAll(() => {
  nodes.stop();
  plane.stop();
});

const find = async <T extends KubeObject>(path: string): Promise<T | undefined> => {
  try {
    return await admin.get<T>(path);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
};

interface Account extends KubeObject {
  secrets?: { name: string }[];
}
interface Secret extends KubeObject {
  data?: Record<string, string>;
}
const account = (name: string): Promise<Account | undefined> =>
  find<Account>(pathOf('serviceaccounts', 'default', name));

describe('accounts and their tokens', () => {
  it('are made in every namespace, with the CA of the start', async () => {
    await until(
      async () => ((await account('default'))?.secrets ?? []).length > 0,
      'default refers to a token',
    );
    const [reference] = (await account('default'))?.secrets ?? [];
    const { data = {} } = await admin.get<Secret>(pathOf('secrets', 'default', reference?.name));
    expect(Buffer.from(data['ca.crt'] ?? '', 'base64').toString()).toBe(materials.ca.pem);
    const token = Buffer.from(data['token'] ?? '', 'base64').toString();
    const client = plane.client(master, { ca: materials.ca.pem, token });
    expect((await client.request('GET', '/version')).status).toBe(200);
    const map = await admin.get<Secret>(pathOf('configmaps', 'default', 'kube-root-ca.crt'));
    expect(map.data).toEqual({ 'ca.crt': materials.ca.pem });
  });

  it('get a successor when the reference is taken out; the old one stays', async () => {
    await admin.create(pathOf('serviceaccounts', 'default'), { metadata: { name: 'robot' } });
    await until(async () => ((await account('robot'))?.secrets ?? []).length > 0);
    const before = await account('robot');
    const [old] = before?.secrets ?? [];
    await admin.update(pathOf('serviceaccounts', 'default', 'robot'), { ...before, secrets: [] });
    await until(async () => ((await account('robot'))?.secrets ?? []).length > 0);
    const [fresh] = (await account('robot'))?.secrets ?? [];
    expect(fresh?.name).not.toBe(old?.name);
    expect(await find(pathOf('secrets', 'default', old?.name))).toBeDefined();
  });

  it('are signed anew where they were emptied, and filled where a Secret was made by hand', async () => {
    const path = pathOf('secrets', 'default', 'by-hand');
    await admin.create(pathOf('secrets', 'default'), {
      type: 'kubernetes.io/service-account-token',
      metadata: { name: 'by-hand', annotations: { 'kubernetes.io/service-account.name': 'default' } },
    });
    await until(async () => (await admin.get<Secret>(path)).data?.['token'] !== undefined, 'it is filled');
    await admin.patch(path, { data: { token: null } }, 'merge');
    await until(
      async () => (await admin.get<Secret>(path)).data?.['token'] !== undefined,
      'it is filled again',
    );
  });
});

describe('workloads', () => {
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  const selector = { matchLabels: { app: 'web' } };
  const restart = { spec: { template: { metadata: { annotations: { restarted: 'now' } } } } };
  type Status = KubeObject & { status?: Record<string, unknown> };
  const stands = async (path: string, wanted: Record<string, unknown>): Promise<boolean> => {
    const { status = {}, metadata } = await admin.get<Status>(path);
    return (
      status['observedGeneration'] === metadata.generation &&
      Object.entries(wanted).every(([field, value]) => status[field] === value)
    );
  };

  it('of a Deployment roll without losing more pods than allowed, and go with it', async () => {
    const path = pathOf('deployments', 'default', 'web');
    const spec = { replicas: 3, selector, template };
    await admin.create(pathOf('services', 'default'), {
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    });
    await admin.create(pathOf('deployments', 'default'), { metadata: { name: 'web' }, spec });
    const whole = { replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
    await until(() => stands(path, whole), 'it stands');
    type Endpoints = KubeObject & { subsets?: { addresses?: object[] }[] };
    const ready = async (): Promise<number> =>
      (await admin.get<Endpoints>(pathOf('endpoints', 'default', 'web'))).subsets?.[0]?.addresses?.length ??
      0;
    await until(async () => (await ready()) === 3, 'three endpoints');
    const first = (await admin.list(`${pathOf('pods', 'default')}?labelSelector=app%3Dweb`)).items;
    await admin.patch(path, restart, 'strategic');
    let fewest = 3;
    await until(async () => {
      fewest = Math.min(fewest, await ready());
      return stands(path, whole);
    }, 'it is rolled out');
    expect(fewest).toBeGreaterThanOrEqual(3);
    const second = (await admin.list(`${pathOf('pods', 'default')}?labelSelector=app%3Dweb`)).items;
    const uids = new Set(first.map(({ metadata }) => metadata.uid));
    expect(
      second.filter(({ metadata }) => metadata.deletionTimestamp === undefined && uids.has(metadata.uid)),
    ).toEqual([]);
    await admin.delete(path);
    await until(
      async () =>
        (await admin.list(`${pathOf('pods', 'default')}?labelSelector=app%3Dweb`)).items.length === 0,
      'its pods go',
    );
  });

  it('of a DaemonSet stand on every node and roll one after another', async () => {
    const path = pathOf('daemonsets', 'default', 'each');
    const labels = { app: 'each' };
    await admin.create(pathOf('daemonsets', 'default'), {
      metadata: { name: 'each' },
      spec: { selector: { matchLabels: labels }, template: { ...template, metadata: { labels } } },
    });
    const whole = { desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3 };
    await until(() => stands(path, whole), 'it stands');
    await admin.patch(path, restart, 'strategic');
    await until(() => stands(path, whole), 'it is rolled out');
    const pods = await admin.list<KubeObject & { spec: { nodeName: string } }>(
      `${pathOf('pods', 'default')}?labelSelector=app%3Deach`,
    );
    expect(pods.items.map(({ spec }) => spec.nodeName).sort()).toEqual(['node-1', 'node-2', 'node-3']);
    expect(pods.items.every(({ metadata }) => metadata.annotations?.['restarted'] === 'now')).toBe(true);
  });

  it('of a StatefulSet keep their names', async () => {
    const path = pathOf('statefulsets', 'default', 'ordered');
    const labels = { app: 'ordered' };
    await admin.create(pathOf('statefulsets', 'default'), {
      metadata: { name: 'ordered' },
      spec: {
        replicas: 2,
        serviceName: 'ordered',
        selector: { matchLabels: labels },
        template: { ...template, metadata: { labels } },
      },
    });
    await until(() => stands(path, { readyReplicas: 2 }), 'it stands');
    await admin.patch(path, restart, 'strategic');
    await until(async () => {
      const { status = {} } = await admin.get<Status>(path);
      return (
        status['currentRevision'] === status['updateRevision'] &&
        stands(path, { readyReplicas: 2, updatedReplicas: 2 })
      );
    }, 'it is rolled out');
    const pods = await admin.list(`${pathOf('pods', 'default')}?labelSelector=app%3Dordered`);
    expect(pods.items.map(({ metadata }) => metadata.name)).toEqual(['ordered-0', 'ordered-1']);
  });

  it('are not evicted below their budget', async () => {
    const labels = { app: 'kept' };
    await admin.create(pathOf('deployments', 'default'), {
      metadata: { name: 'kept' },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { ...template, metadata: { labels } },
      },
    });
    await admin.create(pathOf('poddisruptionbudgets', 'default'), {
      metadata: { name: 'kept' },
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    });
    await until(() =>
      stands(pathOf('poddisruptionbudgets', 'default', 'kept'), { currentHealthy: 1, disruptionsAllowed: 0 }),
    );
    const { items } = await admin.list(`${pathOf('pods', 'default')}?labelSelector=app%3Dkept`);
    const path = pathOf('pods', 'default', items[0]?.metadata.name);
    await expect(admin.create(`${path}/eviction`, {})).rejects.toMatchObject({ status: 429 });
  });

  it('of a node that is not Ready are marked so', async () => {
    await nodes.heartbeat('node-1', 'False');
    type Pod = KubeObject & {
      spec: { nodeName: string };
      status: { conditions: { type: string; status: string }[] };
    };
    const states = async (): Promise<string[]> =>
      (await admin.list<Pod>(`${pathOf('pods')}?fieldSelector=spec.nodeName%3Dnode-1`)).items.map(
        ({ status }) => status.conditions[0]?.status ?? '',
      );
    await until(async () => (await states()).every((state) => state === 'False'), 'its pods are not Ready');
    await nodes.heartbeat('node-1');
  });
});

describe('namespaces', () => {
  it('go with all that is in them', async () => {
    await admin.create(pathOf('namespaces'), { metadata: { name: 'short' } });
    await admin.create(pathOf('configmaps', 'short'), { metadata: { name: 'm' } });
    await admin.delete(pathOf('namespaces', undefined, 'short'));
    await until(async () => (await find(pathOf('namespaces', undefined, 'short'))) === undefined, 'it goes');
    expect((await admin.list(pathOf('configmaps', 'short'))).items).toEqual([]);
  });
});

describe('certificates', () => {
  type Answer = KubeObject & { status?: { certificate?: string } };
  let count = 0;
  const ask = async (organization = 'system:nodes'): Promise<string> => {
    const name = `csr-${(count += 1)}`;
    await admin.create(pathOf('certificatesigningrequests'), {
      metadata: { name },
      spec: {
        request: Buffer.from(signingRequest('system:node:node-1', organization)).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['digital signature', 'client auth'],
      },
    });
    return name;
  };
  const certificate = async (name: string): Promise<string | undefined> =>
    (await find<Answer>(pathOf('certificatesigningrequests', undefined, name)))?.status?.certificate;

  it('that kubelets ask for are signed', async () => {
    const name = await ask();
    await until(async () => (await certificate(name)) !== undefined, 'it is signed');
    const signed = new X509Certificate(Buffer.from((await certificate(name)) ?? '', 'base64'));
    expect([signed.subject, signed.issuer]).toEqual(['O=system:nodes\nCN=system:node:node-1', 'CN=ca']);
  });

  it('for others than nodes are not', async () => {
    const name = await ask('system:masters');
    await until(() => plane.network.lines.some((line) => line.includes(`${name} is not approved`)));
    expect(await certificate(name)).toBeUndefined();
  });

  it('are not signed while two certificates lie in the signing file, and are when one does again', async () => {
    const other = await authority('other');
    const file = `${certs}/ca.crt`;
    plane.network.write(master, file, materials.ca.pem + other.pem);
    await until(
      () => plane.network.lines.some((line) => line.includes('ca.key again: changed')),
      'it was read',
    );
    const name = await ask();
    await until(() => plane.network.lines.some((line) => line.includes('expected 1 certificate, found 2')));
    expect(await certificate(name)).toBeUndefined();
    plane.network.write(master, file, materials.ca.pem);
    await until(async () => (await certificate(name)) !== undefined, 'it is signed after all');
  });

  it('are signed with the former pair while the first certificate of the signing file has another key', async () => {
    const other = await authority('other');
    plane.network.write(master, `${certs}/ca.crt`, other.pem + materials.ca.pem);
    await until(() => plane.network.lines.some((line) => line.includes('does not match public key')));
    const name = await ask();
    await until(async () => (await certificate(name)) !== undefined, 'it is signed');
    plane.network.write(master, `${certs}/ca.crt`, materials.ca.pem);
  });
});

describe('leadership', () => {
  const lease = pathOf('leases', 'kube-system', 'kube-controller-manager');
  type Lease = KubeObject & { spec: { holderIdentity: string } };

  it('passes on when the leader is gone, and the new one publishes the CA of its own start', async () => {
    const other = plane.master(1);
    writeKubeconfig(other, master);
    const fresh = await authority('ca-new');
    plane.network.write(other, `${certs}/ca-new.crt`, fresh.pem);
    const follower = plane.start(
      kubeControllerManager(plane.surroundings),
      [...argv(10_257), `--root-ca-file=${certs}/ca-new.crt`],
      other,
    );
    expect((await admin.get<Lease>(lease)).spec.holderIdentity).toMatch(/^master-0_/);
    manager.signal('TERM');
    expect(await manager.ended).toBe(0);
    await until(
      async () => (await admin.get<Lease>(lease)).spec.holderIdentity.startsWith('master-1_'),
      'it leads',
    );
    const path = pathOf('configmaps', 'default', 'kube-root-ca.crt');
    await until(
      async () => (await admin.get<Secret>(path)).data?.['ca.crt'] === fresh.pem,
      'the new CA is published',
    );
    const held = async (): Promise<boolean> => {
      const { items } = await admin.list<Secret & { type: string }>(
        `${pathOf('secrets')}?fieldSelector=type%3Dkubernetes.io%2Fservice-account-token`,
      );
      return items.every(({ data }) => data?.['ca.crt'] === Buffer.from(fresh.pem).toString('base64'));
    };
    await until(held, 'every token Secret holds it');
    follower.signal('KILL');
    expect(await follower.ended).toBe(137);
  });

  it('ends a process whose signing file holds two certificates', async () => {
    plane.network.write(master, `${certs}/two.crt`, materials.ca.pem + materials.proxyCa.pem);
    const running = plane.start(kubeControllerManager(plane.surroundings), argv(10_257, 'two'), master);
    expect(await running.ended).toBe(1);
  });
});

it('reads durations as Go writes them', () => {
  expect([milliseconds('5m'), milliseconds('1m30s'), milliseconds('250ms')]).toEqual([300_000, 90_000, 250]);
  expect(() => milliseconds('5 minutes')).toThrow('expected such as 1m30s');
});

/** A PKCS#10 request, PEM. */
function signingRequest(commonName: string, organization: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const information = sequence(
    integer(Buffer.from([0])),
    newName(commonName, organization),
    spki,
    element(0xa0),
  );
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
  const signature = bitString(sign('sha256', information, privateKey));
  const body = sequence(information, algorithm, signature).toString('base64');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${body.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE REQUEST-----\n`;
}
