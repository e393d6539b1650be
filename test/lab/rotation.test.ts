import { reasonNotToLoad } from './carries-load.js';
import { labSuite } from './lab-suite.js';
import { rotation } from './rotation-suite.js';
import { say } from './say.js';
import { bringUp } from './test-lab.js';

const tooSlow = reasonNotToLoad();

labSuite('lab', () => {
  if (tooSlow !== undefined) say(`SKIPPED: the load of the first rotation: ${tooSlow}`);
  rotation({ title: 'a rotation watched in all', load: tooSlow === undefined }, () => bringUp(), tooSlow);
  rotation({ title: 'a second rotation right after it', load: false, broken: true }, () => bringUp());
  rotation({ title: 'a rotation with projected tokens', load: false }, () =>
    bringUp({ projectedTokens: true }),
  );
});
