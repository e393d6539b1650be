import { beforeAll } from 'vitest';
import type { ContractCluster } from '../contract/cluster.js';
import { labContract } from '../contract/lab-cluster.js';
import { itKeeps } from '../contract/suite.js';
import { labSuite } from '../lab/lab-suite.js';
import { bringUp } from '../lab/test-lab.js';

labSuite('lab: what a real cluster does within minutes', () => {
  let cluster: ContractCluster;
  beforeAll(async () => {
    cluster = labContract(await bringUp());
  });
  itKeeps(['slow'], () => cluster);
});
