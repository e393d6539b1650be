import { etcdctl } from './etcd.js';
import type { StepRunner } from './context.js';

/** Writes the front-proxy PKI that a new master takes from etcd; each value begins as the layout's scripts make it. */
export const putProxyCerts: StepRunner<'put-proxy-certs'> = async (step, context) => {
  const { proxyCertsKeys: keys } = context.layout;
  const endpoint = context.etcdEndpoints.get(step.node);
  if (endpoint === undefined) throw new Error(`node ${step.node}: its etcd is not known`);
  const values = [
    [keys.ca, step.authority],
    [keys.certificate, 'proxy.crt'],
    [keys.key, 'proxy.key'],
  ] as const;
  for (const [key, material] of values) {
    const wanted = `${keys.prefix}${context.materials.get(material)}`;
    await etcdctl(context, endpoint, ['put', key], wanted);
    const found = await etcdctl(context, endpoint, ['get', key, '--print-value-only']);
    if (found.trim() !== wanted.trim())
      throw new Error(`etcd: ${key} does not hold what was put into it; run the same command again`);
  }
  return { keys: values.map(([key]) => key) };
};
