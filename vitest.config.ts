import { defineConfig } from 'vitest/config';

// Tests import from dist/: what they check is what ships, workers and inlined kernels included.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/strip-types.ts',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
