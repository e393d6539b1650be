import type { AnyPhaseName, Phase } from '../model/plan.js';
import { planBackDistrust } from './back-distrust.js';
import { planBackPresent } from './back-present.js';
import { planBackRefresh } from './back-refresh.js';
import { planDistrust } from './distrust.js';
import type { Facts } from './facts.js';
import { planPresent } from './present.js';
import { withReboots } from './reboots.js';
import { planRescueMasters, planRescueNodes } from './rescue.js';
import { planRefresh } from './refresh.js';
import { planTrust } from './trust.js';

const planners: Record<AnyPhaseName, (facts: Facts) => Phase> = {
  trust: planTrust,
  present: planPresent,
  refresh: planRefresh,
  distrust: planDistrust,
  'back-present': planBackPresent,
  'back-refresh': planBackRefresh,
  'back-distrust': planBackDistrust,
  'rescue-masters': planRescueMasters,
  'rescue-nodes': planRescueNodes,
};

/** One phase, from the facts of now: leaders move and nodes join while a rotation runs, so each is planned when it begins. */
export function planPhase(name: AnyPhaseName, facts: Facts): Phase {
  const phase = planners[name](facts);
  return facts.reboot === true ? { ...phase, flow: withReboots(phase.flow) } : phase;
}
