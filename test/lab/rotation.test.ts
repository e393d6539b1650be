import { afterAll, beforeAll, describe } from 'vitest';
import { itBoreLoad, itWasAvailable } from './assertions/availability.js';
import { itSeesWhatIsBroken } from './assertions/broken.js';
import { itRenewedWhatTheClusterHolds, itReplacedTheFrontProxy } from './assertions/cluster.js';
import { itMintedAsBefore, itReplacedEveryCredential } from './assertions/credentials.js';
import { itLeftTheNodesAsTheyWere, itRunsAgain } from './assertions/nodes.js';
import { itLeftNothingOldInUse, itReplacedTheOperatorsFiles } from './assertions/operator.js';
import { itMovedLeadershipBehindPauses, itMovedTrustInOrder } from './assertions/trust.js';
import { rotateLab, type Rotation, type RotationWish } from './run/rotation.js';
import { say } from './say.js';
import { bringUp, reasonToSkip, takeDown, type TestLab } from './test-lab.js';

const reason = await reasonToSkip();
if (reason !== undefined) say(`SKIPPED: the lab tests: this machine cannot run the lab: ${reason}`);

/** One rotation, watched, and everything that must be true of it. */
function rotation(wish: RotationWish, lab: () => Promise<TestLab>): void {
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
    if (wish.load) itBoreLoad(of);
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
    if (wish.load) itSeesWhatIsBroken(of);
  });
}

describe.skipIf(reason !== undefined)(`lab${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  afterAll(takeDown);
  rotation({ title: 'a rotation under load', load: true }, () => bringUp());
  rotation({ title: 'a second rotation right after it', load: false }, () => bringUp());
  rotation({ title: 'a rotation with projected tokens', load: false }, () =>
    bringUp({ projectedTokens: true }),
  );
});
