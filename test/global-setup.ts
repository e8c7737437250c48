import { existsSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { ensureRedis } from '../scripts/ensure-redis.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the tests' Redis listens: one for the whole run, so a test keeps to a database or a key prefix of its own. */
    redisUrl: string;
  }
}

const say = (line: string) => process.stderr.write(`[redis] ${line}\n`);

/**
 * Gives the tests a real Redis: the one at `TEST_REDIS_URL`; else one in a container (`TEST_REDIS_IMAGE`), unless
 * `TEST_REDIS=local` or there is no engine; else one of this machine. It is in memory and ends with the run.
 */
export default async function setup(project: TestProject) {
  const given = process.env['TEST_REDIS_URL'];
  if (given) {
    project.provide('redisUrl', given);
    return undefined;
  }
  const redis = (await inContainer()) ?? (await ensureRedis({ persist: false, log: say }));
  project.provide('redisUrl', redis.url);
  return () => redis.stop();
}

async function inContainer() {
  const image = process.env['TEST_REDIS_IMAGE'] || 'redis:7-alpine';
  if (process.env['TEST_REDIS'] === 'local') return undefined;
  if (!process.env['DOCKER_HOST'] && !existsSync('/var/run/docker.sock')) return undefined;
  const { startRedisContainer } = await import('./redis-container.ts'); // its library takes a second to load
  try {
    return await startRedisContainer(image);
  } catch (error) {
    say(`not in a container (${error instanceof Error ? error.message : error}): a Redis of this machine`);
    return undefined;
  }
}
