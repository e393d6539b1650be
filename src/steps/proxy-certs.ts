import { etcdctl } from './etcd.js';
import type { StepContext, StepRunner } from './context.js';

/** Writes the front-proxy PKI that a new master takes from etcd; each value begins as the layout's scripts make it. */
export const putProxyCerts: StepRunner<'put-proxy-certs'> = async (step, context) => {
  const { proxyCertsKeys: keys } = context.layout;
  const endpoint = context.etcdEndpoints.get(step.node);
  if (endpoint === undefined) throw new Error(`node ${step.node}: its etcd is not known`);
  const values = [
    [keys.ca, step.authority],
    [keys.certificate, step.certificate],
    [keys.key, step.key],
  ] as const;
  for (const [key, material] of values) {
    const text = context.materials.get(material);
    if (text === '') {
      // There was none at the start.
      await etcdctl(context, endpoint, ['del', key]);
      continue;
    }
    // What was read from etcd at the start begins as the layout's scripts make it already.
    const wanted = text.startsWith(keys.prefix) ? text : `${keys.prefix}${text}`;
    await etcdctl(context, endpoint, ['put', key], wanted);
    const found = await etcdctl(context, endpoint, ['get', key, '--print-value-only']);
    if (found.trim() !== wanted.trim())
      throw new Error(`etcd: ${key} does not hold what was put into it; run the same command again`);
  }
  return { keys: values.map(([key]) => key) };
};

/** What etcd holds for masters to come, by the names of the materials in which the way back finds it. */
export async function readProxyCerts(context: StepContext): Promise<Map<string, string>> {
  const { proxyCertsKeys: keys } = context.layout;
  const [endpoint] = context.etcdEndpoints.values();
  if (endpoint === undefined) throw new Error('etcd: there is no master to ask');
  const texts = new Map<string, string>();
  for (const part of ['ca', 'certificate', 'key'] as const) {
    const found = await etcdctl(context, endpoint, ['get', keys[part], '--print-value-only']);
    // etcdctl ends what it prints with a newline of its own.
    texts.set(`old-proxycerts-${part}`, found.replace(/\n$/, ''));
  }
  return texts;
}
