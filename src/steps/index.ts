import type { Step } from '../model/plan.js';
import { cleanAuthenticationConfig } from './authentication-config.js';
import type { StepContext } from './context.js';
import { awaitFrontProxy } from './front-proxy.js';
import { installFiles } from './install-files.js';
import { moveLeader } from './move-leader.js';
import { awaitOrphanPods } from './orphan-pods.js';
import { putProxyCerts } from './proxy-certs.js';
import { refreshNode } from './refresh-node.js';
import { removeFiles } from './remove-files.js';
import { renewLegacyTokens } from './renew-legacy-tokens.js';
import { restartApiServer } from './restart-apiserver.js';
import { restartWorkloads } from './restart-workloads.js';
import { retireLegacyTokens } from './retire-legacy-tokens.js';
import { awaitRootCa } from './root-ca.js';
import { swapPod } from './swap-pod.js';

/** Runs a step by the file that its kind names. */
export async function runStep(step: Step, context: StepContext): Promise<unknown> {
  switch (step.kind) {
    case 'install-files':
      return installFiles(step, context);
    case 'restart-apiserver':
      return restartApiServer(step, context);
    case 'swap-pod':
      return swapPod(step, context);
    case 'refresh-node':
      return refreshNode(step, context);
    case 'move-leader':
      return moveLeader(step, context);
    case 'await-front-proxy':
      return awaitFrontProxy(step, context);
    case 'put-proxy-certs':
      return putProxyCerts(step, context);
    case 'write-kubeconfig':
      return context.writeKubeconfig();
    case 'await-root-ca':
      return awaitRootCa(step, context);
    case 'renew-legacy-tokens':
      return renewLegacyTokens(step, context);
    case 'restart-workloads':
      return restartWorkloads(step, context);
    case 'await-orphan-pods':
      return awaitOrphanPods(step, context);
    case 'clean-authentication-config':
      return cleanAuthenticationConfig(step, context);
    case 'retire-legacy-tokens':
      return retireLegacyTokens(step, context);
    case 'remove-files':
      return removeFiles(step, context);
  }
}
