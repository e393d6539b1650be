import { defineConfig } from 'vitest/config';

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
          include: ['src/**/*.test.ts', 'lab/**/*.test.ts', 'test/unit/**/*.test.ts'],
          // Most of their time is waiting, so that one file a core leaves the cores idle.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'hollow',
          include: ['test/{hollow,contract}/**/*.test.ts'],
          // One cluster keeps two cores busy, and what it fails is counted.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
