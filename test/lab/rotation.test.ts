import { labSuite } from './lab-suite.js';
import { rotation } from './rotation-suite.js';
import { bringUp } from './test-lab.js';

// The rotation under load is among the long ones (test/lab-all): on two cores five nodes and 130 requests a second leave
// too little for the probe, and its own waiting would be taken for the cluster's.
labSuite('lab', () => {
  rotation({ title: 'a rotation watched in all', load: false, broken: true }, () => bringUp());
  rotation({ title: 'a rotation with projected tokens', load: false }, () =>
    bringUp({ projectedTokens: true }),
  );
});
