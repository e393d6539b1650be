import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'lab/**/*.test.ts', 'test/{unit,hollow,contract}/**/*.test.ts'],
    testTimeout: 60_000,
    // Whole hollow clusters run in some files: as threads of one process, the end of one has ended the next (and vitest).
    pool: 'forks',
  },
});
