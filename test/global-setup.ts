import type { TestProject } from 'vitest/node';
import { ensureRedis } from '../scripts/ensure-redis.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the tests' Redis listens: one for the whole run, so a test keeps to a database or a key prefix of its own. */
    redisUrl: string;
  }
}

/** Gives the tests a real Redis: the one at `TEST_REDIS_URL`, else one in memory that ends with the run. */
export default async function setup(project: TestProject) {
  const given = process.env['TEST_REDIS_URL'];
  if (given) {
    project.provide('redisUrl', given);
    return undefined;
  }
  const redis = await ensureRedis({ persist: false, log: (line) => process.stderr.write(`[redis] ${line}\n`) });
  project.provide('redisUrl', redis.url);
  return redis.stop;
}
