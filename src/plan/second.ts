import type { ClusterNode } from '../model/cluster.js';
import type { ManifestSwap, SecondApiServer } from '../model/plan.js';
import { mastersOf, originalArguments, type Facts } from './facts.js';
import { podNameOf, withChange } from './manifest.js';

/** A port that no program of an AKS Engine master listens on. */
export const secondPort = 6444;

/**
 * For a cluster with one master: the kube-apiserver that takes the first one's connections while that restarts as `swap`
 * says. It is started as the first will be, so that it accepts whoever must be accepted then, on a port of its own, and
 * leaves the Endpoints of Service `kubernetes` to the first. Nothing where there are other masters.
 * @throws Error when the first one's port is not among its arguments
 */
export function second(facts: Facts, node: ClusterNode, swap: ManifestSwap): { second?: SecondApiServer } {
  if (mastersOf(facts).length > 1) return {};
  const where = `node ${node.name}: ${facts.layout.apiServer.manifest}`;
  const flag = '--secure-port';
  const present = originalArguments(facts, node.name, facts.layout.apiServer.manifest);
  if (!present.some((argument) => argument.startsWith(`${flag}=`)))
    throw new Error(
      `${where}: has no ${flag}, expected one, which the second kube-apiserver changes; add it`,
    );
  const text = withChange(
    swap.text,
    {
      podName: `${podNameOf(swap.text, where)}-second`,
      flags: new Map([
        [flag, [String(secondPort)]],
        ['--endpoint-reconciler-type', ['none']],
      ]),
      ...(present.some((argument) => argument.startsWith('--endpoint-reconciler-type='))
        ? {}
        : { added: ['--endpoint-reconciler-type=none'] }),
    },
    where,
  );
  return { second: { port: secondPort, text } };
}
