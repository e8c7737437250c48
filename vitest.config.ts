import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { alias: { 'ringback-client': `${import.meta.dirname}/clients/typescript/src/index.ts` } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/containers/**'], // npm run test:containers
    globalSetup: ['test/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    expect: { poll: { timeout: 10_000 } },
    hookTimeout: 30_000,
  },
});
