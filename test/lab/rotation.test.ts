import { labSuite } from './lab-suite.js';
import { rotation } from './rotation-suite.js';
import { bringUp } from './test-lab.js';

labSuite('lab', () => {
  rotation({ title: 'a rotation under load', load: true }, () => bringUp());
  rotation({ title: 'a second rotation right after it', load: false }, () => bringUp());
  rotation({ title: 'a rotation with projected tokens', load: false }, () =>
    bringUp({ projectedTokens: true }),
  );
});
