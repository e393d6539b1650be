import { describe, it } from 'vitest';
import { reasonNotToLoad } from './carries-load.js';
import { labSuite } from './lab-suite.js';
import { rotation } from './rotation-suite.js';
import { say } from './say.js';
import { bringUp } from './test-lab.js';

const tooSlow = reasonNotToLoad();

labSuite('lab', () => {
  if (tooSlow !== undefined) {
    say(`SKIPPED: the load of the first rotation: ${tooSlow}`);
    describe('a rotation under load', () => {
      it.skip(`bears 100 reads and 30 writes a second (skipped: ${tooSlow})`, () => undefined);
    });
  }
  rotation(
    { title: tooSlow === undefined ? 'a rotation under load' : 'a rotation', load: tooSlow === undefined },
    () => bringUp(),
  );
  rotation({ title: 'a second rotation right after it', load: false, broken: true }, () => bringUp());
  rotation({ title: 'a rotation with projected tokens', load: false }, () =>
    bringUp({ projectedTokens: true }),
  );
});
