import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'lab/**/*.test.ts', 'test/{unit,hollow,contract}/**/*.test.ts'],
    testTimeout: 60_000,
    pool: 'threads',
  },
});
