import { labSuite } from '../lab/lab-suite.js';
import { rotation } from '../lab/rotation-suite.js';
import { bringUp } from '../lab/test-lab.js';

labSuite("lab with AKS Engine's own kubelet periods", () => {
  rotation({ title: 'a rotation under load', load: true }, () => bringUp({ aksPeriods: true }));
});
