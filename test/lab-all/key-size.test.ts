import { labSuite } from '../lab/lab-suite.js';
import { rotation } from '../lab/rotation-suite.js';
import { bringUp } from '../lab/test-lab.js';

labSuite("lab with AKS Engine's own key size, RSA 4096", () => {
  rotation({ title: 'a rotation watched in all', load: false }, () => bringUp({ keyBits: 4096 }));
});
