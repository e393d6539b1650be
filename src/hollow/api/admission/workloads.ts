import { fits, type KubeObject, type LabelSelector } from '../../kube/objects.js';
import { invalid } from '../api-error.js';

interface Workload extends KubeObject {
  spec: {
    selector?: LabelSelector;
    template?: { metadata?: { labels?: Record<string, string> } };
    strategy?: object;
    updateStrategy?: { type?: string; rollingUpdate?: object };
  };
}

type Spec = Readonly<Record<string, unknown>>;

const rolling = (update: object): Spec => ({ type: 'RollingUpdate', rollingUpdate: update });

/** Source: defaults of apps/v1 in 1.20. */
const defaults: Readonly<Record<string, Spec>> = {
  Deployment: { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 },
  ReplicaSet: { replicas: 1 },
  DaemonSet: { revisionHistoryLimit: 10 },
  StatefulSet: { replicas: 1, revisionHistoryLimit: 10, podManagementPolicy: 'OrderedReady' },
};

/** Defaults; its selector must choose its own pods. @throws ApiError 422 */
export function admitWorkload(object: KubeObject): KubeObject {
  const { kind = '', metadata, spec } = object as Workload;
  const labels = spec.template?.metadata?.labels;
  if (!spec.selector || !fits(labels, spec.selector))
    throw invalid(
      `${kind} "${metadata.name}" is invalid: spec.template.metadata.labels: \`selector\` does not match template \`labels\``,
    );
  return { ...object, spec: { ...defaults[kind], ...spec, ...strategyOf(kind, spec) } };
}

function strategyOf(kind: string, { strategy, updateStrategy = {} }: Workload['spec']): Spec {
  if (kind === 'Deployment') {
    const usual = rolling({ maxSurge: '25%', maxUnavailable: '25%' });
    return { strategy: strategy ?? usual };
  }
  const usual: Readonly<Record<string, object>> = {
    DaemonSet: { maxUnavailable: 1 },
    StatefulSet: { partition: 0 },
  };
  const own = usual[kind];
  if (own === undefined) return {};
  const { type = 'RollingUpdate', rollingUpdate = {} } = updateStrategy;
  if (type !== 'RollingUpdate') return { updateStrategy: { type } };
  return { updateStrategy: rolling({ ...own, ...rollingUpdate }) };
}
