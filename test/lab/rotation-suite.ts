import { beforeAll, describe } from 'vitest';
import { itBoreLoad, itWasAvailable } from './assertions/availability.js';
import { itSeesWhatIsBroken } from './assertions/broken.js';
import { itRenewedWhatTheClusterHolds, itReplacedTheFrontProxy } from './assertions/cluster.js';
import { itMintedAsBefore, itReplacedEveryCredential } from './assertions/credentials.js';
import { itKeptSnapshotsAndKeysFirst, itToldWhatStaysBehind } from './assertions/left.js';
import { itLeftTheNodesAsTheyWere, itRunsAgain } from './assertions/nodes.js';
import { itLeftNothingOldInUse, itReplacedTheOperatorsFiles } from './assertions/operator.js';
import { itMovedLeadershipBehindPauses, itMovedTrustInOrder } from './assertions/trust.js';
import { rotateLab, type Rotation, type RotationWish } from './run/rotation.js';
import type { TestLab } from './test-lab.js';

/**
 * One rotation, watched, and everything that must be true of it. `noLoad`: why it is without the load that it should have
 * borne; what that would have shown is skipped by name.
 */
export function rotation(wish: RotationWish, lab: () => Promise<TestLab>, noLoad?: string): void {
  describe(wish.title, () => {
    let seen: Rotation | undefined;
    const of = (): Rotation => {
      if (seen === undefined) throw new Error('there was no rotation');
      return seen;
    };
    beforeAll(async () => {
      seen = await rotateLab(await lab(), wish);
    });
    itWasAvailable(of);
    if (wish.load !== false) itBoreLoad(of, wish.load === true ? {} : wish.load);
    if (noLoad !== undefined) describe.skip(`under load (skipped: ${noLoad})`, () => itBoreLoad(of, {}));
    itReplacedEveryCredential(of);
    itMintedAsBefore(of);
    itRenewedWhatTheClusterHolds(of);
    itReplacedTheFrontProxy(of);
    itReplacedTheOperatorsFiles(of);
    itLeftTheNodesAsTheyWere(of);
    itRunsAgain(of);
    itMovedTrustInOrder(of);
    itMovedLeadershipBehindPauses(of);
    itLeftNothingOldInUse(of);
    itKeptSnapshotsAndKeysFirst(of);
    itToldWhatStaysBehind(of);
    if (wish.broken === true) itSeesWhatIsBroken(of);
  });
}
