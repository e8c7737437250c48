import { defineConfig } from 'vitest/config';

/** `npm run test:containers`: what needs a container engine. */
export default defineConfig({
  test: {
    include: ['test/containers/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    reporters: 'verbose', // each test that was skipped is named
  },
});
