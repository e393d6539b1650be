import { goBuild } from './gobuild.js';
import { ensureOpenApi } from './openapi.js';
import { step, type Progress } from './progress.js';
import { kubernetesVersion, type SourceTree } from './source.js';
import { cached } from './store.js';

/** What the lab runs, and nothing else. */
export const kubernetesBinaries = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
] as const;

/** The folder with the static executables of Kubernetes 1.20.2; built when it is not there. */
export function ensureKubernetes(progress: Progress, tree: () => Promise<SourceTree>): Promise<string> {
  return cached({
    name: 'kubernetes',
    inputs: { kubernetesVersion, kubernetesBinaries, flags: linkerFlags(), recipe: '1' },
    onWait: () => progress.note('  another run builds Kubernetes; waiting for it'),
    build: async (into) => {
      const sources = await tree();
      await step(progress, `Kubernetes ${kubernetesVersion}: build`, 270, async (task) => {
        task.update('generates the OpenAPI definitions');
        await ensureOpenApi(sources);
        const packages = kubernetesBinaries.map((name) => `./cmd/${name}`);
        await goBuild({ tree: sources, packages, into, linkerFlags: linkerFlags(), task });
      });
    },
  });
}

/** Without them the binaries call themselves v0.0.0 and clients take them for an unknown version. */
function linkerFlags(): string[] {
  const [major = '', minor = ''] = kubernetesVersion.split('.');
  const values = {
    gitVersion: `v${kubernetesVersion}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
  };
  const packages = ['component-base/version', 'client-go/pkg/version'];
  return packages.flatMap((name) =>
    Object.entries(values).flatMap(([key, value]) => [
      '-X',
      `k8s.io/kubernetes/vendor/k8s.io/${name}.${key}=${value}`,
    ]),
  );
}
