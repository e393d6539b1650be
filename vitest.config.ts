import { defineConfig } from 'vitest/config';

const unit = ['src/**/*.test.ts', 'lab/**/*.test.ts', 'test/unit/**/*.test.ts'];
const mocked = ['src/**/*.mocked.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    // The end of a cluster waits for what is under way in it.
    hookTimeout: 60_000,
    // Whole hollow clusters run in some files: as threads of one process, the end of one has ended the next (and vitest).
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: unit,
          exclude: mocked,
          // Files share their worker's modules: loading them anew for each was a third of all that these tests computed.
          isolate: false,
          // Most of their time is waiting, so that one file a core leaves the cores idle.
          maxWorkers: 5,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'unit-mocked',
          // Who replaces a module has a process of his own.
          include: mocked,
          maxWorkers: 5,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'hollow',
          include: ['test/hollow/**/*.test.ts'],
          // One cluster keeps two cores busy, and what it fails is counted.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
