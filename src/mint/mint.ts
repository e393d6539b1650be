import pMap from 'p-map';
import type { CredentialSpec } from '../layouts/layout.js';
import type { ClusterNode } from '../model/cluster.js';
import type { CertificateProfile } from '../model/certificate-profile.js';
import {
  bundle,
  generateKey,
  keyPair,
  keySpecLike,
  mintAuthority,
  mintBridge,
  mintLeaf,
  mintSelfSigned,
  newCaCommonName,
  parseCertificate,
  parseCertificates,
  validityLike,
  type Certificate,
  type Issuer,
  type KeyPair,
} from '../pki/index.js';
import type { Facts } from '../plan/facts.js';
import { setFromProfile } from './from-profile.js';
import { credentialsOn, fileOf, mastersOf } from '../plan/facts.js';

/** What the new set is made from and how long it lasts. */
export interface MintRequest {
  readonly facts: Facts;
  /** The cluster CA's private key, PEM: it signs the bridge. */
  readonly oldCaKey: string;
  /** Private half of the present service-account key, PEM. */
  readonly oldServiceAccountKey: string;
  readonly now: Date;
  /** ms; left out: as long as what they replace was made to last. */
  readonly leafLifetime?: number;
  readonly caLifetime?: number;
  /** A set of the operator's own for all that the cluster CA signs; what it lacks is minted. */
  readonly profile?: CertificateProfile & { readonly caPrivateKey: string };
  /** No bridge is made: there is nobody left who trusts the old CA and must be kept. */
  readonly bridgeless?: boolean;
  /** More names for kube-apiserver's serving certificate (from the API model). */
  readonly extraApiServerSans: readonly string[];
}

type Texts = Map<string, string>;

/**
 * Mints the whole new set, and puts the old one beside it, by material name (see `Materials`). Keys are as strong as
 * what they replace or stronger; nothing outlives its CA. Takes seconds of CPU for RSA 4096; every call makes another set.
 */
export async function mintSet(request: MintRequest): Promise<Texts> {
  const { facts } = request;
  const [master] = mastersOf(facts);
  if (!master) throw new Error('the cluster has no master');
  const oldCa = certificateAt(facts, master.name, facts.layout.ca);
  const oldProxyCa = certificateAt(facts, master.name, facts.layout.frontProxyCa);
  const texts: Texts = new Map([
    ['old-ca.crt', oldCa.pem],
    ['old-ca.key', request.oldCaKey],
    ['old-proxy-ca.crt', oldProxyCa.pem],
    ['sa-old.key', request.oldServiceAccountKey],
    ['sa-old.pub', keyPair(request.oldServiceAccountKey, 'service-account key').publicPem],
  ]);
  const given = request.profile && fromProfile(request, request.profile, oldCa, texts);
  const keys = await makeKeys([
    ...(given ? [] : [{ name: 'ca', old: oldCa }]),
    { name: 'proxy-ca', old: oldProxyCa },
    ...wanted(facts).filter(({ name }) => !texts.has(`${name}.crt`)),
  ]);
  const cluster = given ?? clusterAuthority(request, oldCa, keys, texts);
  const proxyCa = authority(request, oldProxyCa, 'proxy-ca', keys, texts, lifetime(oldCa));
  leaves(request, { ...cluster, proxyCa }, keys, texts);
  const serviceAccountKey = texts.get('apiserver.key') ?? '';
  texts.set('sa-new.key', serviceAccountKey);
  texts.set('sa-new.pub', keyPair(serviceAccountKey, 'service-account key').publicPem);
  return texts;
}

type Keys = ReadonlyMap<string, KeyPair>;

/**
 * A key in place of each old certificate's, by name. Two at a time, the longest first: they take nearly all the time that
 * minting takes, and the other threads of Node's pool stay free for files and names.
 */
async function makeKeys(wanted: readonly { name: string; old: Certificate }[]): Promise<Keys> {
  const longestFirst = [...wanted].sort((one, other) => other.old.keyBits - one.old.keyBits);
  const made = await pMap(
    longestFirst,
    async ({ name, old }) => [name, await generateKey(keySpecLike(old))] as const,
    { concurrency: 2 },
  );
  return new Map(made);
}

function keyFor(keys: Keys, name: string): KeyPair {
  const key = keys.get(name);
  if (!key) throw new Error(`no key was made for ${name}`);
  return key;
}

function clusterAuthority(
  request: MintRequest,
  oldCa: Certificate,
  keys: Keys,
  texts: Texts,
): Pick<Signers, 'ca' | 'bridge'> {
  const ca = authority(request, oldCa, 'ca', keys, texts);
  if (request.bridgeless) return { ca, bridge: undefined };
  const bridge = mintBridge({
    newCa: ca.certificate,
    oldCa,
    oldCaKey: request.oldCaKey,
    validity: shorter(ca.certificate, oldCa),
  });
  texts.set('bridge.crt', bridge.pem);
  texts.set('bridge-back.crt', bridgeBack(ca, oldCa).pem);
  return { ca, bridge };
}

function fromProfile(
  { facts, oldCaKey, bridgeless = false }: MintRequest,
  profile: CertificateProfile & { readonly caPrivateKey: string },
  oldCa: Certificate,
  texts: Texts,
): Pick<Signers, 'ca' | 'bridge'> {
  const specs = [...new Map(wanted(facts).map(({ spec }) => [spec.name, spec])).values()];
  const given = setFromProfile(profile, specs, { ca: oldCa, key: oldCaKey }, bridgeless);
  for (const [name, text] of given.texts) texts.set(name, text);
  const ca = { certificate: given.ca, privatePem: profile.caPrivateKey };
  if (given.bridge) {
    texts.set('bridge.crt', given.bridge.pem);
    texts.set('bridge-back.crt', bridgeBack(ca, oldCa).pem);
  }
  return { ca, bridge: given.bridge };
}

/** The way back: the old CA by the new one's word, so that who trusts only the new one accepts old leaves. */
function bridgeBack({ certificate, privatePem }: Issuer, oldCa: Certificate): Certificate {
  const validity = shorter(certificate, oldCa);
  return mintBridge({ newCa: oldCa, oldCa: certificate, oldCaKey: privatePem, validity });
}

/** A CA in place of an old one, with a common name that no other has. */
function authority(
  request: MintRequest,
  old: Certificate,
  name: string,
  keys: Keys,
  texts: Texts,
  /** ms; it lasts so long at least. Front-proxy CAs that old releases of AKS Engine made last two years. */
  atLeast = 0,
): Issuer {
  const key = keyFor(keys, name);
  const certificate = mintAuthority({
    like: old,
    commonName: newCaCommonName(request.now, name),
    key,
    validity: validityLike(old, { now: request.now, override: request.caLifetime ?? longer(old, atLeast) }),
  });
  texts.set(`${name}.crt`, certificate.pem);
  texts.set(`${name}.key`, key.privatePem);
  texts.set(`${name}.bundle`, bundle(certificate.pem, old.pem));
  return { certificate, privatePem: key.privatePem };
}

const lifetime = ({ notBefore, notAfter }: Certificate): number => notAfter.getTime() - notBefore.getTime();

const longer = (old: Certificate, atLeast: number): number | undefined =>
  lifetime(old) < atLeast ? atLeast : undefined;

/** The bridge lasts no longer than either CA. */
function shorter(newCa: Certificate, oldCa: Certificate): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: newCa.notBefore,
    notAfter: new Date(Math.min(newCa.notAfter.getTime(), oldCa.notAfter.getTime())),
  };
}

interface Signers {
  readonly ca: Issuer;
  readonly proxyCa: Issuer;
  /** None when the CA stays. */
  readonly bridge: Certificate | undefined;
}

interface Wanted {
  readonly name: string;
  readonly spec: CredentialSpec;
  readonly old: Certificate;
}

function leaves(request: MintRequest, signers: Signers, keys: Keys, texts: Texts): void {
  for (const { name, spec, old } of wanted(request.facts)) {
    texts.set(`old-${name}.crt`, old.pem);
    if (texts.has(`${name}.crt`)) continue;
    const key = keyFor(keys, name);
    const leaf = sign(request, signers, spec, old, key);
    texts.set(`${name}.crt`, leaf.pem);
    texts.set(`${name}.key`, key.privatePem);
    if (spec.bridgeOn === 'master' && signers.bridge)
      texts.set(`${name}.chain`, bundle(leaf.pem, signers.bridge.pem));
  }
}

function sign(
  request: MintRequest,
  signers: Signers,
  spec: CredentialSpec,
  old: Certificate,
  key: KeyPair,
): Certificate {
  const { now, leafLifetime: override } = request;
  if (spec.signer === 'itself')
    return mintSelfSigned({ like: old, key, validity: validityLike(old, { now, override }) });
  const issuer = spec.signer === 'cluster-ca' ? signers.ca : signers.proxyCa;
  const atLeast = spec.signer === 'front-proxy-ca' ? lifetime(issuer.certificate) : 0;
  const validity = validityLike(old, {
    now,
    override: override ?? longer(old, atLeast),
    notAfterMax: issuer.certificate.notAfter,
  });
  return mintLeaf({
    like: old,
    issuer,
    key,
    validity,
    extraSans: spec.name === 'apiserver' ? request.extraApiServerSans : [],
  });
}

/** One for each shared credential, from the first node that holds it; one a node for the others. */
function wanted(facts: Facts): Wanted[] {
  const found = new Map<string, Wanted>();
  for (const node of facts.nodes) {
    for (const spec of credentialsOn(facts, node)) {
      const name = spec.copies === 'each' ? `${spec.name}@${node.name}` : spec.name;
      if (!found.has(name))
        found.set(name, { name, spec, old: certificateAt(facts, node.name, spec.certificate) });
    }
  }
  return [...found.values()];
}

/** The first certificate of a file on a node. */
function certificateAt(facts: Facts, node: string, path: string): Certificate {
  const [first] = parseCertificates(fileOf(facts, node, path).content, `node ${node}: ${path}`);
  return first ?? parseCertificate('', `node ${node}: ${path}`);
}

/** Serving certificates for nodes that joined while a rotation runs, by material name; all else they share with the others. */
export async function mintForNode(
  facts: Facts,
  nodes: readonly ClusterNode[],
  now: Date,
  lifetime?: number,
): Promise<Texts> {
  const texts: Texts = new Map();
  for (const node of nodes) {
    for (const spec of credentialsOn(facts, node).filter(({ copies }) => copies === 'each')) {
      const old = certificateAt(facts, node.name, spec.certificate);
      const key = await generateKey(keySpecLike(old));
      const leaf = mintSelfSigned({
        like: old,
        key,
        validity: validityLike(old, { now, override: lifetime }),
      });
      texts.set(`old-${spec.name}@${node.name}.crt`, old.pem);
      texts.set(`${spec.name}@${node.name}.crt`, leaf.pem);
      texts.set(`${spec.name}@${node.name}.key`, key.privatePem);
    }
  }
  return texts;
}
