import { defineConfig } from 'vitest/config';

/** What it measures must not be disturbed by other tests. */
const ALONE = 'test/cli/check-live.test.ts';

// Tests import from dist/: what they check is what ships, workers and inlined kernels included.
export default defineConfig({
  test: {
    globalSetup: 'test/support/strip-types.ts',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: [ALONE],
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'alone', include: [ALONE], sequence: { groupOrder: 1 } } },
    ],
  },
});
