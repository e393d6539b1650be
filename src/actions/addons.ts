import type { KubeClient, KubeObject } from '../adapters/kube/types.js';
import type { Journal } from '../execute/journal.js';
import { rolledOut, workloadName, workloads } from '../steps/workloads.js';
import { waitFor } from '../steps/wait.js';

/** What of a session this needs. */
export interface AddonSession {
  readonly kube: () => KubeClient;
  readonly state: { readonly journal: Journal };
  /** Nodes that were left out. */
  readonly options?: { readonly leaveNodes: readonly string[] };
}

interface ApiService extends KubeObject {
  spec?: { service?: object };
  status?: { conditions?: { type: string; status: string; message?: string }[] };
}

/** What of the cluster's own workloads does not work, each with what is missing: `Deployment kube-system/coredns`. */
async function missingNow({ kube, options }: AddonSession): Promise<Map<string, string>> {
  const missing = new Map<string, string>();
  for (const workload of await workloads({ kube })) {
    if (workload.metadata.namespace !== 'kube-system') continue;
    const state = rolledOut(workload, options?.leaveNodes.length);
    if (state !== true) missing.set(workloadName(workload), state);
  }
  for (const { metadata, spec, status } of await kube().list<ApiService>(
    '/apis/apiregistration.k8s.io/v1/apiservices',
  )) {
    if (spec?.service === undefined) continue;
    const available = status?.conditions?.find(({ type }) => type === 'Available');
    if (available?.status !== 'True')
      missing.set(`APIService ${metadata.name}`, available?.message ?? 'is not available');
  }
  return missing;
}

/** Remembers, once a rotation, what does not work before it: that is not expected to work after it. */
export async function rememberAddons(session: AddonSession): Promise<void> {
  if (session.state.journal.records.some(({ type, id }) => type === 'fact' && id === 'addons-missing'))
    return;
  session.state.journal.remember('addons-missing', [...(await missingNow(session)).keys()]);
}

/**
 * Waits until all workloads of kube-system and all aggregated APIs that worked before work again: kube-proxy, CoreDNS,
 * metrics-server and what else holds the CA.
 * @returns those that do not after `timeoutMs`, each with what is missing
 */
export async function addonsNotBack(session: AddonSession, timeoutMs: number): Promise<string[]> {
  const before = new Set(session.state.journal.remember<string[]>('addons-missing', []));
  let missing: string[] = [];
  const look = async (): Promise<true | string> => {
    missing = [...(await missingNow(session))]
      .filter(([name]) => !before.has(name))
      .map(([name, what]) => `${name}: ${what}`);
    return missing.length === 0 ? true : missing.join('; ');
  };
  try {
    await waitFor('the workloads of kube-system are back', look, { timeoutMs, everyMs: 1000 });
  } catch (error) {
    // What is still missing is the answer; anything else, such as an API that does not answer, is an error.
    if (missing.length === 0) throw error;
  }
  return missing;
}
