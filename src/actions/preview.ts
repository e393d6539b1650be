import type { KubeObject } from '../adapters/kube/types.js';
import type { Finding } from '../model/plan.js';
import { parseCertificates } from '../pki/index.js';
import { credentialsOn, fileOf, mastersOf, type Facts } from '../plan/facts.js';
import type { CertificateRow } from '../report/events.js';
import { restartsByHand, workloadName, workloads, type Pod } from '../steps/workloads.js';
import type { Session } from './session.js';
import { singleMaster } from './single-master.js';

const dayMs = 24 * 3600 * 1000;

/** The cluster's certificates, one row each, with how long they still last. */
export function certificateRows(facts: Facts, now: Date): CertificateRow[] {
  const paths = new Map<string, string>([
    ['ca', facts.layout.ca],
    ['front-proxy-ca', facts.layout.frontProxyCa],
  ]);
  for (const spec of facts.layout.credentials(mastersOf(facts).length))
    paths.set(spec.name, spec.certificate);
  return [...paths].flatMap(([name, path]) => row(facts, name, path, now) ?? []);
}

function row(facts: Facts, name: string, path: string, now: Date): CertificateRow | undefined {
  const holders = facts.nodes.filter(
    (node) =>
      facts.inventories.get(node.name)?.files.has(path) === true &&
      (path === facts.layout.ca ||
        path === facts.layout.frontProxyCa ||
        credentialsOn(facts, node).some((spec) => spec.certificate === path)),
  );
  const [first] = holders;
  if (!first) return undefined;
  const [certificate] = parseCertificates(
    fileOf(facts, first.name, path).content,
    `node ${first.name}: ${path}`,
  );
  if (!certificate) return undefined;
  return {
    name,
    nodes: holders.length,
    issuer: certificate.issuer,
    until: certificate.notAfter.toISOString().slice(0, 10),
    daysLeft: Math.floor((certificate.notAfter.getTime() - now.getTime()) / dayMs),
    key: `${certificate.keyType} ${certificate.keyBits}`,
  };
}

/** What the operator should know before consenting. */
export async function findNotes(session: Session): Promise<Finding[]> {
  return [
    ...(await handRestarted(session)),
    ...(await orphanPods(session)),
    ...(await singleEndpoints(session)),
    ...looseKeys(session),
    ...(await singleMaster(session)),
  ];
}

async function handRestarted(session: Session): Promise<Finding[]> {
  return (await workloads(session)).filter(restartsByHand).map((workload) => ({
    code: 'restarted-by-hand',
    where: workloadName(workload),
    what: 'is paused or has the update strategy OnDelete, so nothing restarts its pods',
    next: 'restart them during the rotation; distrust waits for that',
  }));
}

async function orphanPods(session: Session): Promise<Finding[]> {
  const pods = await session.kube().list<Pod>('/api/v1/pods');
  const orphans = pods.filter(({ metadata, status }) => {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
    const isStatic = metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
    return !isStatic && (owner === undefined || owner.kind === 'Job') && status?.phase === 'Running';
  });
  return orphans.map(({ metadata }) => ({
    code: 'orphan-pod',
    where: `pod ${metadata.namespace ?? ''}/${metadata.name}`,
    what: 'nothing recreates it, and it holds the old trust as long as it runs',
    next: 'let it end, or delete it, before distrust, which waits for that',
  }));
}

interface Endpoints extends KubeObject {
  subsets?: { addresses?: { ip: string; targetRef?: { kind?: string } }[] }[];
}

async function singleEndpoints(session: Session): Promise<Finding[]> {
  const all = await session.kube().list<Endpoints>('/api/v1/endpoints');
  const single = all.filter(({ subsets }) => {
    const addresses = (subsets ?? [])
      .flatMap((subset) => subset.addresses ?? [])
      .filter(({ targetRef }) => targetRef?.kind === 'Pod');
    return addresses.length === 1;
  });
  return single.map(({ metadata }) => ({
    code: 'single-endpoint',
    where: `Service ${metadata.namespace ?? ''}/${metadata.name}`,
    what: 'has one ready endpoint, which is away while its pod or its kubelet restarts',
    next: 'run a second replica if it must not be interrupted',
  }));
}

function looseKeys(session: Session): Finding[] {
  return session.nodes.flatMap((node) =>
    [...(session.inventories.get(node.name)?.keys.values() ?? [])]
      .filter(({ mode }) => !mode.endsWith('00'))
      .map(({ path, mode }) => ({
        code: 'loose-key',
        where: `node ${node.name}: ${path}`,
        what: `has mode ${mode}; others than its owner can read it`,
        next: 'the new key will have mode 600',
      })),
  );
}
