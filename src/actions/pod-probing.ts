import pMap from 'p-map';
import type { KubeClient, KubeObject } from '../adapters/kube/types.js';
import { agents, masters, type ClusterNode } from '../model/cluster.js';
import { POD_PROBE, podProbeManifests, type Manifest, type PodProbeNode } from '../probe/pods.js';
import { mergePodResults } from '../probe/pod-results.js';
import type { ProbeReport } from '../report/report.js';
import { workloads } from '../steps/workloads.js';
import { waitFor } from '../steps/wait.js';
import type { Session } from './session.js';

const plurals: Record<string, string> = {
  Namespace: '/api/v1/namespaces',
  ServiceAccount: `/api/v1/namespaces/${POD_PROBE.namespace}/serviceaccounts`,
  ConfigMap: `/api/v1/namespaces/${POD_PROBE.namespace}/configmaps`,
  Role: `/apis/rbac.authorization.k8s.io/v1/namespaces/${POD_PROBE.namespace}/roles`,
  RoleBinding: `/apis/rbac.authorization.k8s.io/v1/namespaces/${POD_PROBE.namespace}/rolebindings`,
  Deployment: `/apis/apps/v1/namespaces/${POD_PROBE.namespace}/deployments`,
};

/**
 * Starts a probing pod on every master and on one agent, and waits until each runs. On a rotation that was taken up they
 * run already, and what they wrote before counts.
 * @throws Error when they do not run within two minutes, or an earlier rotation's are not gone within five
 */
export async function startPods(session: Session): Promise<void> {
  const nodes = probedNodes(session);
  if (await isFresh(session))
    await pMap(nodes, ({ name }) => session.shell(name).run('pod-results', ['clear']), { concurrency: 5 });
  const images = await pauseImages(session, nodes);
  for (const manifest of podProbeManifests(images)) await create(session.kube(), manifest);
  await waitFor('the probing pods run', () => allRun(session), { timeoutMs: 120_000 });
}

/**
 * Whether no probe's namespace is there. One of a rotation that just ended is on its way out, for as long as kubelets need
 * to let its pods go, and takes nothing new: it is waited for. Each look asks with the identity of that moment: keys are
 * made beside the wait, and then another identity is used.
 */
async function isFresh(session: Session): Promise<boolean> {
  let status = 0;
  let told = false;
  const look = async (): Promise<true | string> => {
    const answer = await session.kube().request('GET', `/api/v1/namespaces/${POD_PROBE.namespace}`);
    status = answer.status;
    const { metadata } = (answer.body ?? {}) as Partial<KubeObject>;
    if (metadata?.deletionTimestamp === undefined) return true;
    if (!told)
      session.note(`namespace ${POD_PROBE.namespace} of an earlier rotation is on its way out: waits for it`);
    told = true;
    return `being deleted since ${metadata.deletionTimestamp}`;
  };
  await waitFor(`namespace ${POD_PROBE.namespace} of an earlier rotation is gone`, look, {
    timeoutMs: 300_000,
  });
  return status === 404;
}

function probedNodes({ nodes }: Session): ClusterNode[] {
  return [
    ...masters(nodes),
    ...agents(nodes)
      .filter(({ os }) => os === 'linux')
      .slice(0, 1),
  ];
}

/** The pause image is on every node, and its kubelet's arguments name it. */
async function pauseImages(session: Session, nodes: readonly ClusterNode[]): Promise<PodProbeNode[]> {
  const flag = '--pod-infra-container-image=';
  const listed = await session
    .kube()
    .list<KubeObject & { status?: { images?: { names?: string[] }[] } }>('/api/v1/nodes');
  return nodes.map(({ name }) => {
    const kubelet = session.inventories.get(name)?.processes.find(({ program }) => program === 'kubelet');
    const fromFlag = kubelet?.arguments.find((argument) => argument.startsWith(flag))?.slice(flag.length);
    const images = listed.find(({ metadata }) => metadata.name === name)?.status?.images ?? [];
    const image =
      fromFlag ??
      images.flatMap(({ names }) => names ?? []).find((candidate) => /\/pause[:@]/.test(candidate));
    if (image === undefined)
      throw new Error(
        `node ${name}: its kubelet names no pause image, in which the probing pod would run; give --no-probe to rotate without the probe`,
      );
    return { name, image };
  });
}

async function create(kube: KubeClient, manifest: Manifest): Promise<void> {
  const path = plurals[manifest.kind];
  if (path === undefined)
    throw new Error(`${manifest.kind} ${manifest.metadata.name}: its API path is not known`);
  const { status, text } = await kube.request('POST', path, manifest);
  if (status >= 300 && status !== 409)
    throw new Error(
      `${manifest.kind} ${manifest.metadata.name}: status ${status} for making it: ${text.slice(0, 200)}`,
    );
}

/** Each has its pod, ready: whether it stays so for a while matters when one takes another one's place, not here. */
async function allRun(session: Session): Promise<true | string> {
  const own = (await workloads(session)).filter(({ metadata }) => metadata.namespace === POD_PROBE.namespace);
  const late = own.filter(({ status }) => (status?.readyReplicas ?? 0) < 1);
  return late.length === 0
    ? true
    : `no pod is ready of ${late.map(({ metadata }) => metadata.name).join(', ')}`;
}

/** What the pods of each node measured: one class `pod:<node>` each. */
export async function podFigures(session: Session): Promise<ProbeReport> {
  const results = await pMap(
    probedNodes(session),
    async ({ name }) => {
      const { stdout } = await session.shell(name).run('pod-results', ['read']);
      return [`pod:${name}`, mergePodResults(filesOf(stdout), Date.now())] as const;
    },
    { concurrency: 5 },
  );
  return Object.fromEntries(results);
}

/** File contents by name, as `pod-results.sh read` prints them. */
function filesOf(output: string): Record<string, string> {
  const sections = output.split(/^== /m).slice(1);
  return Object.fromEntries(
    sections.map((section) => {
      const end = section.indexOf('\n');
      return [section.slice(0, end), section.slice(end + 1)];
    }),
  );
}

/** Removes the pods and all that belongs to them; what they wrote stays on the nodes until the next start. */
export async function removePods({ kube }: Session): Promise<void> {
  await kube().delete(`/api/v1/namespaces/${POD_PROBE.namespace}`);
}
