import { defineConfig } from 'vitest/config';

/** What it measures must not be disturbed by other tests. */
const ALONE = 'test/cli/check-live.test.ts';

/** They call functions, and change nothing that others see. Their files share processes, as starting one takes longer than most of them do. */
const FUNCTIONS = ['graph', 'interop', 'memory', 'plan', 'tensor'].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

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
          exclude: [ALONE, ...FUNCTIONS],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'functions', include: FUNCTIONS, isolate: false, sequence: { groupOrder: 0 } },
      },
      { extends: true, test: { name: 'alone', include: [ALONE], sequence: { groupOrder: 1 } } },
    ],
  },
});
