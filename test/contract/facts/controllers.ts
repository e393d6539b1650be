import { generateKeyPairSync, sign } from 'node:crypto';
import { expect } from 'vitest';
import { bitString, element, integer, oid, sequence } from '../../../src/pki/der.js';
import { newName } from '../../../src/pki/subject.js';
import { accounts, secrets, tokenIn, tokenSecret, withAccount, type Secret } from '../accounts.js';
import type { ClientIdentity, ContractCluster, Fact } from '../cluster.js';
import { admin, api, ask, clusterCa, first, freshCa, pids, within, withFiles } from '../tools.js';

interface Named {
  readonly metadata: { readonly name: string };
}
interface ConfigMap extends Named {
  readonly data?: Readonly<Record<string, string>>;
}

const merge = (body: object) => ({ method: 'PATCH', contentType: 'application/merge-patch+json', body });

/** With the same RSA key the new token is the old one to the byte: it holds no time, and the signature no chance. */
const emptied: Fact = {
  title: 'a legacy token whose Secret is emptied is signed anew within seconds, and accepted',
  settles: 'quick',
  async check(cluster) {
    const identity = await admin(cluster);
    await withAccount(cluster, identity, async (_name, secret) => {
      await ask(cluster, `${secrets}/${secret}`, identity, merge({ data: { token: null } }));
      let token = '';
      await within(10, 'the Secret is signed anew', async () => {
        token = await tokenIn(cluster, identity, secret);
        return token !== '';
      });
      for (const master of cluster.masters)
        await within(10, `${master.name} accepts the token`, async () => {
          const { status } = await api(cluster, master, '/version', { ca: identity.ca, token });
          return status === 200;
        });
    });
  },
};

const succeeded: Fact = {
  title:
    'an account whose token is taken out of its references gets another one, and the old one goes on working',
  settles: 'quick',
  async check(cluster) {
    const identity = await admin(cluster);
    await withAccount(cluster, identity, async (name, secret) => {
      const token = await tokenIn(cluster, identity, secret);
      await ask(cluster, `${accounts}/${name}`, identity, merge({ secrets: null }));
      expect(await tokenSecret(cluster, identity, name)).not.toBe(secret);
      const { status } = await api(cluster, first(cluster), '/version', { ca: identity.ca, token });
      expect(status).toBe(200);
    });
  },
};

const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
interface SigningRequest extends Named {
  readonly status?: { readonly certificate?: string };
}

async function requestCertificate(cluster: ContractCluster, identity: ClientIdentity): Promise<string> {
  const name = `contract-${Date.now().toString(36)}`;
  const spec = {
    request: Buffer.from(signingRequest('system:node:contract', 'system:nodes')).toString('base64'),
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: ['digital signature', 'key encipherment', 'client auth'],
  };
  await ask(cluster, requests, identity, { method: 'POST', body: { metadata: { name }, spec } });
  return name;
}

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
  const body = sequence(information, algorithm, bitString(sign('sha256', information, privateKey)));
  const lines = body.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join(
    '\n',
  );
}

const signsKubelets: Fact = {
  title: 'kube-controller-manager signs the client certificate that a kubelet asks for within seconds',
  settles: 'quick',
  async check(cluster) {
    const identity = await admin(cluster);
    const name = await requestCertificate(cluster, identity);
    await within(10, 'it is signed', () => isSigned(cluster, identity, name));
    await ask(cluster, `${requests}/${name}`, identity, { method: 'DELETE' });
  },
};

async function isSigned(cluster: ContractCluster, identity: ClientIdentity, name: string): Promise<boolean> {
  const { status } = await ask<SigningRequest>(cluster, `${requests}/${name}`, identity);
  return status?.certificate !== undefined;
}

const oneCertificate: Fact = {
  title:
    'a kube-controller-manager with two certificates in its signing file does not sign, and signs again when one is left',
  settles: 'slow',
  async check(cluster) {
    const identity = await admin(cluster);
    const old = await clusterCa(cluster);
    const fresh = await freshCa(old);
    let name = '';
    await withFiles(
      cluster,
      cluster.masters,
      // The one that its key belongs to first: a file whose first certificate has another key is not taken at all.
      { [`${cluster.certs}/ca.crt`]: old.pem + fresh.pem },
      async () => {
        await within(150, 'nothing is signed any more', async () => {
          name = await requestCertificate(cluster, identity);
          return within(5, 'it is signed', () => isSigned(cluster, identity, name)).then(
            () => false,
            () => true,
          );
        });
      },
    );
    await within(150, 'it is signed after all', () => isSigned(cluster, identity, name));
  },
};

/** Starts one static pod of a program with another value of a flag, as another pod of another file. */
async function swapFlag(
  cluster: ContractCluster,
  program: string,
  from: string,
  to: string,
  flag: readonly [string, string],
): Promise<void> {
  const folder = '"$KEYROLL_ROOT"/etc/kubernetes/manifests';
  const [name, value] = flag;
  const pod = to === program ? program : `${program}-contract`;
  const edit = `sed -e 's#${name}=[^", ]*#${name}=${value}#' -e 's#name: ${program}[a-z-]*$#name: ${pod}#'`;
  for (const master of cluster.masters) {
    const [pid] = await pids(cluster, master, program);
    // Its port must be free before the next one comes.
    const stop =
      pid === undefined
        ? ''
        : `kill -TERM ${pid}; left=100; while [ $left -gt 0 ] && kill -0 ${pid} 2>/dev/null; do sleep 0.1; left=$((left - 1)); done; `;
    await cluster.onNode(
      master.name,
      `mv ${folder}/${from}.yaml "$KEYROLL_ROOT"/etc/kubernetes/contract.yaml; ${stop}` +
        `${edit} "$KEYROLL_ROOT"/etc/kubernetes/contract.yaml > ${folder}/.${to}.yaml && mv ${folder}/.${to}.yaml ${folder}/${to}.yaml; ` +
        'rm "$KEYROLL_ROOT"/etc/kubernetes/contract.yaml',
    );
  }
}

const followsRootCa: Fact = {
  title:
    'kube-root-ca.crt and the CA of every token Secret follow --root-ca-file of the kube-controller-manager that leads',
  settles: 'slow',
  async check(cluster) {
    const identity = await admin(cluster);
    const old = await clusterCa(cluster);
    const fresh = await freshCa(old);
    const program = 'kube-controller-manager';
    const file = '/etc/kubernetes/contract-ca.crt';
    const published = async (pem: string): Promise<boolean> => {
      const { data } = await ask<ConfigMap>(
        cluster,
        '/api/v1/namespaces/default/configmaps/kube-root-ca.crt',
        identity,
      );
      const { items } = await ask<{ items: Secret[] }>(
        cluster,
        `${secrets}?fieldSelector=type%3Dkubernetes.io%2Fservice-account-token`,
        identity,
      );
      const held = items.map((each) => Buffer.from(each.data?.['ca.crt'] ?? '', 'base64').toString());
      return data?.['ca.crt'] === pem && held.every((each) => each === pem);
    };
    for (const { name } of cluster.masters)
      await cluster.onNode(name, `cat > "$KEYROLL_ROOT${file}"`, fresh.pem + old.pem);
    await swapFlag(cluster, program, program, `${program}-contract`, ['--root-ca-file', file]);
    try {
      await within(90, 'the new CA is published', () => published(fresh.pem + old.pem));
    } finally {
      await swapFlag(cluster, program, `${program}-contract`, program, [
        '--root-ca-file',
        `${cluster.certs}/ca.crt`,
      ]);
    }
    await within(90, 'the old one is published again', () => published(old.pem));
    for (const { name } of cluster.masters) await cluster.onNode(name, `rm "$KEYROLL_ROOT${file}"`);
  },
};

export const controllerFacts: readonly Fact[] = [
  emptied,
  succeeded,
  signsKubelets,
  oneCertificate,
  followsRootCa,
];
