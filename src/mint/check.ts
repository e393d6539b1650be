import {
  differences,
  parseCertificate,
  parseCertificates,
  verifyChain,
  type Certificate,
} from '../pki/index.js';
import { credentialsOn, type Facts } from '../plan/facts.js';

/**
 * What is wrong with a new set before anybody uses it; empty: nothing. Every leaf must be accepted by who trusts its new
 * CA alone, with the bridge also by who trusts the old one alone, and must lose no name, usage or subject.
 */
export function checkSet(
  facts: Facts,
  texts: ReadonlyMap<string, string>,
  now: Date,
  /** Names, usages and subjects were chosen by the operator, and checked against what the cluster needs. */
  chosen = false,
): string[] {
  const specs = new Map(
    facts.nodes.flatMap((node) => credentialsOn(facts, node)).map((spec) => [spec.name, spec]),
  );
  const text = (name: string): string => texts.get(name) ?? '';
  return [...specs.values()].flatMap((spec) => {
    if (spec.signer === 'itself') return [];
    const [leaf, old] = [
      parseCertificate(text(`${spec.name}.crt`), spec.name),
      parseCertificate(text(`old-${spec.name}.crt`), spec.name),
    ];
    const ca = text(spec.signer === 'cluster-ca' ? 'ca.crt' : 'proxy-ca.crt');
    const bridged =
      spec.bridgeOn === 'master' && texts.has('bridge.crt')
        ? [
            refusal(
              `${spec.name} with the bridge, by the old CA`,
              text(`${spec.name}.chain`),
              text('old-ca.crt'),
              leaf,
              now,
            ),
          ]
        : [];
    return [
      refusal(`${spec.name}, by the new CA`, leaf.pem, ca, leaf, now),
      ...bridged,
      ...(chosen && spec.profileField !== undefined ? [] : lost(spec.name, old, leaf)),
    ].flatMap((problem) => problem ?? []);
  });
}

function refusal(
  what: string,
  chain: string,
  anchor: string,
  leaf: Certificate,
  at: Date,
): string | undefined {
  const purposes = (['server', 'client'] as const).filter(
    (purpose) => leaf.extendedKeyUsages.length === 0 || leaf.extendedKeyUsages.includes(`${purpose}Auth`),
  );
  for (const purpose of purposes) {
    const reason = verifyChain(parseCertificates(chain, what), parseCertificates(anchor, what), {
      purpose,
      at,
    });
    if (reason !== undefined) return `${what} as ${purpose}: ${reason}`;
  }
  return undefined;
}

function lost(name: string, old: Certificate, leaf: Certificate): string[] {
  const { sansLost, usagesLost, subject } = differences(old, leaf);
  return [
    ...sansLost.map((san) => `${name} loses the name ${san}`),
    ...usagesLost.map((usage) => `${name} loses the usage ${usage}`),
    ...(subject ? [`${name} changes its subject from ${subject.old} to ${subject.new}`] : []),
  ];
}
