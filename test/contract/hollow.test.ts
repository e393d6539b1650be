import { afterAll, beforeAll, describe } from 'vitest';
import { hollowContract } from './hollow-cluster.js';
import { itKeeps } from './suite.js';

describe('the hollow cluster', () => {
  let cluster: Awaited<ReturnType<typeof hollowContract>>;
  beforeAll(async () => {
    cluster = await hollowContract();
  }, 120_000);
  afterAll(() => cluster.stop());

  itKeeps(['quick', 'slow'], () => cluster);
});
