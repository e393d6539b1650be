import { createPrivateKey, X509Certificate } from 'node:crypto';
import { keyPair, mintNewLeaf, parseCertificates } from '../../pki/index.js';
import { isStatus } from '../client/client.js';
import type { WatchedFiles } from '../kube/watched-files.js';
import { keyOf, timestamp, type Condition, type KubeObject } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import { parseRequest, type Request } from './csr.js';
import type { Controller, ControllerContext } from './context.js';
import type { Outcome } from './work-queue.js';

interface SigningRequest extends KubeObject {
  spec: { request: string; signerName: string; username?: string; groups?: string[]; usages?: string[] };
  status?: { conditions?: Condition[]; certificate?: string };
}

const plural = 'certificatesigningrequests';
const kubeletClient = 'kubernetes.io/kube-apiserver-client-kubelet';
const yearMs = 365 * 24 * 3600 * 1000;

/** Certificate and key of the signer, as they lie in its files now. */
export type SigningFiles = WatchedFiles<{ readonly cert: string; readonly key: string }>;

/** Approves the client certificates that kubelets ask for, and signs them, with the pair that lies in the files then. */
export function certificates(files: SigningFiles): Controller {
  return (context) => {
    const queue = context.queue('certificates', (name) => reconcile(context, files, name));
    context.watch<SigningRequest>(plural, (now) => {
      if (now?.spec.signerName === kubeletClient && now.status?.certificate === undefined)
        queue.add(keyOf(now));
    });
  };
}

async function reconcile(context: ControllerContext, files: SigningFiles, name: string): Promise<Outcome> {
  const { client } = context;
  const path = pathOf(plural, undefined, name);
  const found = await read(context, path);
  if (!found || found.status?.certificate !== undefined) return undefined;
  const request = parseRequest(Buffer.from(found.spec.request, 'base64').toString());
  const has = (type: string): boolean =>
    found.status?.conditions?.some((each) => each.type === type) ?? false;
  if (has('Denied')) return undefined;
  if (!has('Approved')) {
    const fault = recognized(found, request);
    if (fault !== undefined) {
      context.log(`certificates: ${name} is not approved: ${fault}`);
      return undefined;
    }
    const approved = {
      type: 'Approved',
      status: 'True',
      reason: 'AutoApproved',
      lastTransitionTime: timestamp(),
    };
    const conditions = [...(found.status?.conditions ?? []), approved];
    await client.update(`${path}/approval`, { ...found, status: { ...found.status, conditions } });
  }
  const certificate = Buffer.from(signed(request, files)).toString('base64');
  await client.patch(`${path}/status`, { status: { certificate } }, 'merge');
  return undefined;
}

async function read({ client }: ControllerContext, path: string): Promise<SigningRequest | undefined> {
  try {
    return await client.get<SigningRequest>(path);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** A node asks for itself, or somebody who may do everything asks for a node. */
function recognized({ spec }: SigningRequest, { commonName, organizations }: Request): string | undefined {
  if (!commonName.startsWith('system:node:') || organizations.join() !== 'system:nodes')
    return `it asks for ${commonName} of ${organizations.join()}`;
  const may = spec.username === commonName || spec.groups?.includes('system:masters') === true;
  return may ? undefined : `${spec.username ?? 'nobody'} may not ask for it`;
}

/**
 * @throws Error when the file holds another number of certificates than one: then nothing is signed until it is mended
 */
function signed({ commonName, organizations, publicKey }: Request, files: SigningFiles): string {
  const { certificate, key } = signerOf(files);
  const start = Math.floor(Date.now() / 1000) * 1000;
  const notAfter = new Date(Math.min(start + yearMs, certificate.notAfter.getTime()));
  return mintNewLeaf({
    commonName,
    ...(organizations[0] === undefined ? {} : { organization: organizations[0] }),
    extendedKeyUsages: ['clientAuth'],
    issuer: { certificate, privatePem: key },
    key: { publicPem: publicKey, privatePem: '', fingerprint: '' },
    validity: { notBefore: new Date(start - 5 * 60_000), notAfter },
  }).pem;
}

/**
 * A pair as kube-controller-manager takes it from its files: the key must be that of the first certificate, how many there
 * are is asked when something is signed (kubernetes v1.20 dynamic_serving_content.go, certificate_controller's signer).
 * @throws Error when it is not: the former pair goes on signing
 */
export function signingPair(cert: string, key: string): SigningFiles['value'] {
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error('tls: private key does not match public key');
  return { cert, key };
}

/** @throws Error as kube-controller-manager says it */
export function signerOf(files: SigningFiles) {
  const { cert, key } = files.value;
  const [certificate, ...more] = parseCertificates(cert, 'CA cert file');
  if (!certificate || more.length > 0)
    throw new Error(`error reading CA cert file: expected 1 certificate, found ${more.length + 1}`);
  return { certificate, key: keyPair(key).privatePem };
}
