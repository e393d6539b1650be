import type { Condition, KubeObject } from '../kube/objects.js';

export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
}

export interface Node extends KubeObject {
  spec?: { taints?: { key: string; value?: string; effect: string }[]; unschedulable?: boolean };
  status?: { conditions?: Condition[] };
}

interface PodNeeds {
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly Toleration[];
}

/** Whether a node has the labels that a pod wants and no taint that it does not tolerate. */
export function takes({ metadata, spec }: Node, pod: PodNeeds, more: readonly Toleration[] = []): boolean {
  const wanted = Object.entries(pod.nodeSelector ?? {});
  const tolerated = [...(pod.tolerations ?? []), ...more];
  return (
    wanted.every(([key, value]) => metadata.labels?.[key] === value) &&
    (spec?.taints ?? [])
      .filter(({ effect }) => effect !== 'PreferNoSchedule')
      .every((taint) => tolerated.some((each) => tolerates(each, taint)))
  );
}

function tolerates(
  { key, operator = 'Equal', value = '', effect }: Toleration,
  taint: { readonly key: string; readonly value?: string; readonly effect: string },
): boolean {
  if (effect !== undefined && effect !== taint.effect) return false;
  if (key !== undefined && key !== taint.key) return false;
  return operator === 'Exists' || (key !== undefined && value === (taint.value ?? ''));
}
