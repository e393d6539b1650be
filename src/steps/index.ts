import type { StepKind, StepOf } from '../model/plan.js';
import { cleanAuthenticationConfig } from './authentication-config.js';
import type { StepContext, StepRunner } from './context.js';
import { awaitFrontProxy } from './front-proxy.js';
import { installFiles } from './install-files.js';
import { moveLeader } from './move-leader.js';
import { awaitReady } from './node-ready.js';
import { keepKeys, prepareNode, releaseNode } from './prepare-node.js';
import { removeSuccessorTokens } from './remove-successor-tokens.js';
import { restoreLegacyTokens } from './restore-legacy-tokens.js';
import { awaitOrphanPods } from './orphan-pods.js';
import { putProxyCerts } from './proxy-certs.js';
import { rebootMaster } from './reboot-master.js';
import { refreshNode } from './refresh-node.js';
import { refreshWindowsNode } from './refresh-windows-node.js';
import { removeFiles } from './remove-files.js';
import { renewLegacyTokens } from './renew-legacy-tokens.js';
import { restartApiServer } from './restart-apiserver.js';
import { restartWorkloads } from './restart-workloads.js';
import { retireLegacyTokens } from './retire-legacy-tokens.js';
import { awaitRootCa } from './root-ca.js';
import { startEtcd, startMaster, stopMaster } from './rescue-master.js';
import { swapPod } from './swap-pod.js';

const runners: { readonly [K in StepKind]: StepRunner<K> } = {
  'install-files': installFiles,
  'restart-apiserver': restartApiServer,
  'reboot-master': rebootMaster,
  'swap-pod': swapPod,
  'refresh-node': refreshNode,
  'refresh-windows-node': refreshWindowsNode,
  'move-leader': moveLeader,
  'await-front-proxy': awaitFrontProxy,
  'put-proxy-certs': putProxyCerts,
  'write-kubeconfig': (_step, context) => context.writeKubeconfig(),
  'remove-kubeconfig': (_step, context) => context.removeKubeconfig(),
  'await-root-ca': awaitRootCa,
  'renew-legacy-tokens': renewLegacyTokens,
  'restore-legacy-tokens': restoreLegacyTokens,
  'restart-workloads': restartWorkloads,
  'await-orphan-pods': awaitOrphanPods,
  'clean-authentication-config': cleanAuthenticationConfig,
  'retire-legacy-tokens': retireLegacyTokens,
  'remove-successor-tokens': removeSuccessorTokens,
  'remove-files': removeFiles,
  'prepare-node': prepareNode,
  'keep-keys': keepKeys,
  'release-node': releaseNode,
  'stop-master': stopMaster,
  'start-etcd': startEtcd,
  'start-master': startMaster,
  'await-ready': awaitReady,
};

/** Runs a step by the file that its kind names. */
export function runStep<K extends StepKind>(
  step: StepOf<K> & { readonly kind: K },
  context: StepContext,
): Promise<unknown> {
  const runner: StepRunner<K> = runners[step.kind];
  return runner(step, context);
}
