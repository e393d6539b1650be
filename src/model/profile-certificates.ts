import { verifyChain, type Certificate } from '../pki/index.js';
import type { ProfileProblem, ProfileWish } from './profile-wish.js';

/** What a certificate of a profile is used as. */
type Purpose = 'server' | 'client';
interface Role {
  readonly purposes: readonly Purpose[];
  /** Its subject makes the API server grant everything. */
  readonly admin?: true;
}

const roles: Readonly<Record<string, Role>> = {
  apiServerCertificate: { purposes: ['server'] },
  clientCertificate: { purposes: ['client'], admin: true },
  kubeConfigCertificate: { purposes: ['client'], admin: true },
  etcdServerCertificate: { purposes: ['server', 'client'] },
  etcdClientCertificate: { purposes: ['client'] },
  etcdPeerCertificates: { purposes: ['server', 'client'] },
};

export const roleOf = (path: string): Role => roles[path.replace(/\[\d+\]$/, '')] ?? { purposes: [] };

const usages = { server: 'serverAuth', client: 'clientAuth' } as const;
const day = 86_400_000;
/** A new set that ends sooner would have to be replaced again at once. */
const shortestDays = 30;

/** What forbids a CA to be one. */
export function authorityProblems(ca: Certificate, path: string, wish: ProfileWish): ProfileProblem[] {
  const signs = ca.keyUsages.length === 0 || ca.keyUsages.includes('keyCertSign');
  return [
    ...timeProblems(ca, path, wish),
    ...strengthProblems(ca, path, wish),
    ...(ca.isCa
      ? []
      : [{ path, what: `found ${ca.subject}, which is no CA (basicConstraints); expected one; give a CA` }]),
    ...(signs
      ? []
      : [
          {
            path,
            what: `found the key usage ${ca.keyUsages.join(', ')}; expected keyCertSign in it; give a CA that may sign certificates`,
          },
        ]),
  ];
}

/** What forbids a leaf to be used as its field says. `ca` undefined: it could not be read. */
export function leafProblems(
  leaf: Certificate,
  ca: Certificate | undefined,
  { path, role, wish }: { path: string; role: Role; wish: ProfileWish },
): ProfileProblem[] {
  return [
    ...timeProblems(leaf, path, wish),
    ...strengthProblems(leaf, path, wish),
    ...(ca ? signatureProblems(leaf, ca, path, role) : []),
    ...usageProblems(leaf, path, role),
    ...nameProblems(leaf, path, wish),
    ...(wish.fresh && role.admin ? adminProblems(leaf, path) : []),
  ];
}

function timeProblems(
  { notBefore, notAfter }: Certificate,
  path: string,
  wish: ProfileWish,
): ProfileProblem[] {
  const { now, expiredToo, fresh } = wish;
  const iso = (date: Date): string => date.toISOString().slice(0, 19).replace('T', ' ');
  if (notBefore > now) {
    const next = "check this machine's clock, or wait until then";
    return [
      {
        path,
        what: `found a certificate that is not valid before ${iso(notBefore)} UTC; expected one that is valid now (${iso(now)} UTC); ${next}`,
      },
    ];
  }
  if (notAfter < now && !expiredToo) {
    const next = fresh
      ? 'make a new one'
      : 'a cluster whose certificates have expired is rescued with --force';
    return [
      {
        path,
        what: `found a certificate that expired on ${iso(notAfter)} UTC; expected one that is valid now (${iso(now)} UTC); ${next}`,
      },
    ];
  }
  const days = Math.floor((notAfter.getTime() - now.getTime()) / day);
  if (!fresh || days >= shortestDays) return [];
  return [
    {
      path,
      what: `found a certificate that ends in ${days} days; expected at least ${shortestDays}; make one that lasts longer`,
    },
  ];
}

function strengthProblems(
  { keyType, keyBits }: Certificate,
  path: string,
  { fresh }: ProfileWish,
): ProfileProblem[] {
  const least = keyType === 'rsa' ? 2048 : keyType === 'ec' ? 256 : Infinity;
  if (!fresh || keyBits >= least) return [];
  const found = Number.isFinite(least)
    ? `${keyType.toUpperCase()} key of ${keyBits} bits`
    : `key of the type ${keyType}`;
  return [
    {
      path,
      what: `found a ${found}; expected RSA of 2048 bits or more, or EC of 256 or more; make a stronger one`,
    },
  ];
}

/** Dates and usages have checks of their own, so the chain is looked at when it is valid and for any purpose that it has. */
function signatureProblems(
  leaf: Certificate,
  ca: Certificate,
  path: string,
  { purposes }: Role,
): ProfileProblem[] {
  const at = new Date(Math.max(leaf.notBefore.getTime(), ca.notBefore.getTime()));
  const usable = purposes.filter((purpose) => allows(leaf, purpose));
  const [purpose = 'client'] = usable;
  const fault = usable.length === 0 ? undefined : verifyChain([leaf], [ca], { purpose, at });
  if (fault === undefined) return [];
  return [
    {
      path,
      what: `found a certificate that caCertificate (${ca.subject}) does not vouch for (${fault}); expected one that this CA signed; take all from one set`,
    },
  ];
}

const allows = ({ extendedKeyUsages: all }: Certificate, purpose: Purpose): boolean =>
  all.length === 0 || all.includes(usages[purpose]) || all.includes('anyExtendedKeyUsage');

function usageProblems(leaf: Certificate, path: string, { purposes }: Role): ProfileProblem[] {
  const missing = purposes.filter((purpose) => !allows(leaf, purpose)).map((purpose) => usages[purpose]);
  if (missing.length === 0) return [];
  const found = leaf.extendedKeyUsages.join(', ');
  return [
    {
      path,
      what: `found the extended key usage ${found}; expected ${missing.join(' and ')} in it; make one with it`,
    },
  ];
}

function nameProblems(leaf: Certificate, path: string, { names }: ProfileWish): ProfileProblem[] {
  const wanted = names[path.replace(/\[\d+\]$/, '')] ?? [];
  const missing = wanted.filter((name) => !leaf.sans.some((san) => covers(san, name)));
  if (missing.length === 0) return [];
  const next = 'make one with all names under which the cluster is reached';
  return [{ path, what: `found no ${missing.join(', ')} among its names; expected it; ${next}` }];
}

/** A name covers itself, a wildcard each name that has one label in its place. Names are compared without regard to case. */
function covers(san: string, name: string): boolean {
  const [have, want] = [san.toLowerCase(), name.toLowerCase()];
  return have === want || (have.startsWith('dns:*.') && want.replace(/^dns:[^.]+/, 'dns:*') === have);
}

function adminProblems({ subject }: Certificate, path: string): ProfileProblem[] {
  if (/(^|, )O=system:masters($|, )/.test(subject)) return [];
  return [
    {
      path,
      what: `found the subject ${subject}; expected O=system:masters in it, which makes its holder an administrator; make one with it`,
    },
  ];
}
