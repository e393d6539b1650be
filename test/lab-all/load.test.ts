import { labSuite } from '../lab/lab-suite.js';
import { rotation } from '../lab/rotation-suite.js';
import { bringUp } from '../lab/test-lab.js';

labSuite('lab, under load', () => {
  rotation({ title: 'a rotation under load', load: true }, () => bringUp());
  rotation({ title: 'a second rotation right after it', load: false }, () => bringUp());
});
