import { beforeAll } from 'vitest';
import { labContract } from '../contract/lab-cluster.js';
import type { ContractCluster } from '../contract/cluster.js';
import { itKeeps } from '../contract/suite.js';
import { labSuite } from './lab-suite.js';
import { bringUp } from './test-lab.js';

labSuite('lab: what a real cluster does within seconds', () => {
  let cluster: ContractCluster;
  beforeAll(async () => {
    cluster = labContract(await bringUp());
  });
  itKeeps(['quick'], () => cluster);
});
