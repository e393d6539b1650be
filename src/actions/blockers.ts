import type { ApiModel } from '../model/apimodel.js';
import type { ClusterNode } from '../model/cluster.js';
import type { Finding } from '../model/plan.js';
import {
  bridgeObstacle,
  matches,
  parseCertificates,
  publicKeyFingerprint,
  type Certificate,
} from '../pki/index.js';
import { credentialsOn, inventoryOf, mastersOf, type Facts } from '../plan/facts.js';

/** A master that is left out would keep the old trust and cut off everybody who asks it. */
export function leftMasters(nodes: readonly ClusterNode[], left: readonly string[]): Finding[] {
  return nodes
    .filter(({ name, role }) => role === 'master' && left.includes(name))
    .map(({ name }) => ({
      code: 'master-left-out',
      where: `node ${name}`,
      what: 'is a master, and --leave-node names it',
      next: 'every master must take part; mend it, or remove it from the cluster',
    }));
}

/** What forbids to start: what is on the nodes is not what the model says, or cannot be bridged. `rescue`: no API answers. */
export function findBlockers(facts: Facts, model: ApiModel, now: Date, rescue = false): Finding[] {
  return [
    ...facts.nodes.flatMap((node) => caBlockers(facts, node, model)),
    ...facts.nodes.flatMap((node) => missingFiles(facts, node)),
    ...facts.nodes.flatMap((node) => strangeKeys(facts, node)),
    // Where all masters stop at once, nobody needs a bridge or another master.
    ...(rescue ? [] : [...bridgeBlockers(model, now), ...fewMasters(facts)]),
    ...serviceAccountKey(facts, model),
  ];
}

function caBlockers(facts: Facts, node: ClusterNode, model: ApiModel): Finding[] {
  const path = facts.layout.ca;
  const file = inventoryOf(facts, node.name).files.get(path);
  const [modelCa] = parseCertificates(model.certificateProfile.caCertificate, `${model.file}: caCertificate`);
  const found = file ? parseCertificates(file.content, `node ${node.name}: ${path}`) : [];
  if (found.length === 1 && found[0]?.fingerprint === modelCa?.fingerprint) return [];
  const what =
    found.length === 0
      ? 'is missing'
      : `holds ${found.map((ca) => `${ca.subject} (${ca.fingerprint.slice(0, 16)}…)`).join(' and ')}`;
  return [
    {
      code: 'ca-differs',
      where: `node ${node.name}: ${path}`,
      what: `${what}, but the API model's CA is ${modelCa?.subject ?? 'none'} (${modelCa?.fingerprint.slice(0, 16) ?? ''}…)`,
      next: 'use the API model of this cluster as the last rotation left it; if a rotation was begun and its _keyroll folder is lost, rebuild that with keyroll adopt',
    },
  ];
}

function missingFiles(facts: Facts, node: ClusterNode): Finding[] {
  const { files, keys } = inventoryOf(facts, node.name);
  const missing = credentialsOn(facts, node).flatMap((spec) => [
    ...(files.has(spec.certificate) ? [] : [spec.certificate]),
    ...(keys.has(spec.key) ? [] : [spec.key]),
  ]);
  return missing.map((path) => ({
    code: 'file-missing',
    where: `node ${node.name}: ${path}`,
    what: 'is missing',
    next: `expected it on a node laid out as ${facts.layout.name}; restore it, or leave the node out with --leave-node ${node.name}`,
  }));
}

function strangeKeys(facts: Facts, node: ClusterNode): Finding[] {
  const { files, keys } = inventoryOf(facts, node.name);
  return credentialsOn(facts, node).flatMap((spec) => {
    const file = files.get(spec.certificate);
    const key = keys.get(spec.key);
    if (!file || !key) return [];
    const [leaf] = parseCertificates(file.content, `node ${node.name}: ${spec.certificate}`);
    if (leaf?.publicKeyFingerprint === key.fingerprint) return [];
    return [
      {
        code: 'pair-differs',
        where: `node ${node.name}: ${spec.key}`,
        what: `is not the key of ${spec.certificate}`,
        next: 'restore the pair that belongs together',
      },
    ];
  });
}

function bridgeBlockers(model: ApiModel, now: Date): Finding[] {
  const { caCertificate, caPrivateKey } = model.certificateProfile;
  const [ca] = parseCertificates(caCertificate, `${model.file}: caCertificate`);
  const obstacle = ca ? bridgeObstacle(ca, caPrivateKey, now) : 'there is no CA certificate';
  if (obstacle === undefined) return [];
  return [
    {
      code: 'no-bridge',
      where: `${model.file}: certificateProfile`,
      what: `no bridge can be made: ${obstacle}`,
      next: 'a rotation without it is not in this version',
    },
  ];
}

/** One master has a second kube-apiserver beside its own; of two etcd members neither may ever be away. */
function fewMasters(facts: Facts): Finding[] {
  const found = mastersOf(facts).length;
  const isReboot = facts.reboot === true;
  if (found >= 3 || (found === 1 && !isReboot)) return [];
  return [
    {
      code: 'few-masters',
      where: 'the cluster',
      what: `has ${found} master(s); ${isReboot ? 'a reboot needs other masters that take its connections' : 'etcd has a quorum only with both of its members'}`,
      next: isReboot
        ? 'leave --reboot out'
        : 'add a third master, or take one away, with aks-engine, then rotate',
    },
  ];
}

function serviceAccountKey(facts: Facts, model: ApiModel): Finding[] {
  const spec = facts.layout.credentials(mastersOf(facts).length).find(({ name }) => name === 'apiserver');
  const { apiServerPrivateKey, apiServerCertificate } = model.certificateProfile;
  const [certificate]: Certificate[] = parseCertificates(
    apiServerCertificate,
    `${model.file}: apiServerCertificate`,
  );
  if (!spec || !certificate || !matches(certificate, apiServerPrivateKey)) {
    return [
      {
        code: 'pair-differs',
        where: `${model.file}: apiServerPrivateKey`,
        what: 'does not belong to apiServerCertificate',
        next: 'use the API model of this cluster',
      },
    ];
  }
  const wanted = publicKeyFingerprint(apiServerPrivateKey);
  return mastersOf(facts)
    .filter((node) => inventoryOf(facts, node.name).keys.get(spec.key)?.fingerprint !== wanted)
    .map((node) => ({
      code: 'service-account-key-differs',
      where: `node ${node.name}: ${spec.key}`,
      what: "is not the API model's key, so tokens that it signed could not be accepted during the rotation",
      next: 'use the API model of this cluster as the last rotation left it; if a rotation was begun and its _keyroll folder is lost, rebuild that with keyroll adopt',
    }));
}
