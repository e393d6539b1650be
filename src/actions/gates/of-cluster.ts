import pMap from 'p-map';
import type { KubeObject } from '../../adapters/kube/types.js';
import type { Finding } from '../../model/plan.js';
import { mastersOf } from '../../plan/facts.js';
import { gateFinding, type GateContext } from './gate.js';

interface Node extends KubeObject {
  status?: { conditions?: { type: string; status: string; message?: string }[] };
}

/** A node that is not Ready would be taken for one that the rotation broke, and its pods are elsewhere already. */
export async function nodeReadyGate({ kube, facts }: GateContext): Promise<Finding[]> {
  const wanted = new Set(facts.nodes.map(({ name }) => name));
  const nodes = (await kube.list<Node>('/api/v1/nodes')).filter(({ metadata }) => wanted.has(metadata.name));
  return nodes.flatMap(({ metadata, status }) => {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status === 'True') return [];
    const what = `is not Ready: ${ready?.message ?? 'it reports no condition Ready'}`;
    const next = `mend it, or leave it out with --leave-node ${metadata.name}`;
    return [gateFinding('node-ready', `node ${metadata.name}`, what, next)];
  });
}

/** Every member must be healthy: while one restarts the others hold the quorum. */
export async function etcdGate(context: GateContext): Promise<Finding[]> {
  const answers = await pMap(
    mastersOf(context.facts),
    async ({ name }) => ({ name, ...(await etcdctl(context, name, ['endpoint', 'health'])) }),
    { concurrency: 5 },
  );
  return answers
    .filter(({ code }) => code !== 0)
    .map(({ name, text }) =>
      gateFinding(
        'etcd',
        `node ${name}: etcd`,
        `its member is not healthy: ${text}`,
        'mend it, and wait until etcdctl endpoint health says so of every member',
      ),
    );
}

/** An alarm (NOSPACE, CORRUPT) makes etcd refuse writes. */
export async function etcdAlarmGate(context: GateContext): Promise<Finding[]> {
  const [first] = mastersOf(context.facts);
  if (!first) return [];
  const { code, text } = await etcdctl(context, first.name, ['alarm', 'list']);
  // A member that does not answer is the other gate's matter.
  if (code !== 0 || text === '') return [];
  const next = 'do what etcd asks for (compact, defragment), then take it back with etcdctl alarm disarm';
  return [gateFinding('etcd-alarm', 'etcd', `has an alarm: ${text}`, next)];
}

async function etcdctl(
  { facts, shell }: GateContext,
  node: string,
  args: readonly string[],
): Promise<{ code: number; text: string }> {
  const { layout } = facts;
  const client = layout.credentials(1).find((spec) => spec.name === 'etcdclient');
  if (!client) throw new Error(`layout ${layout.name}: names no etcd client certificate`);
  const endpoint = `https://127.0.0.1:${layout.etcdPorts.client}`;
  const all = [endpoint, layout.ca, client.certificate, client.key, ...args];
  const { code, stdout, stderr } = await shell(node).run('etcd', all, { allowFailure: true });
  const text = (code === 0 ? stdout : stderr).trim().split('\n').at(-1)?.slice(0, 200) ?? '';
  return { code, text };
}

/** The API model and the cluster name the same number of masters. */
export function modelGate({ facts, model }: GateContext): Finding[] {
  const found = mastersOf(facts).length;
  const { count } = model.masters;
  if (found === count) return [];
  return [
    gateFinding(
      'model',
      `${model.file}: properties.masterProfile.count`,
      `is ${count}, but the cluster has ${found} masters`,
      'use the API model of this cluster as it was last scaled',
    ),
  ];
}
