import { defineConfig } from 'vitest/config';

/** The long ones are run by hand: `make test-all`. */
const long = process.env['KEYROLL_TEST_ALL'] === undefined ? [] : ['test/lab-all/**/*.test.ts'];

/** Tests on the real lab: one after another, each minutes long, their figures printed as they come. */
export default defineConfig({
  test: {
    include: ['test/lab/**/*.test.ts', ...long],
    fileParallelism: false,
    pool: 'forks',
    disableConsoleIntercept: true,
    reporters: ['verbose'],
    testTimeout: 120_000,
    // Bringing the lab up from nothing takes a quarter of an hour; a rotation is bounded by its own waits.
    hookTimeout: 45 * 60_000,
  },
});
