import { defineConfig } from 'vitest/config';

/** The whole matrix of faults on the hollow cluster, hours long: `make test-all`, or `npm run test:faults -- FILE`. */
export default defineConfig({
  test: {
    include: ['test/hollow-all/**/*.test.ts'],
    fileParallelism: false,
    reporters: ['verbose'],
    testTimeout: 120_000,
    // The end of a cluster waits for what is under way in it.
    hookTimeout: 120_000,
  },
});
