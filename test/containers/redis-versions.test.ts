import { describe, expect, it } from 'vitest';
import { run as tryRun } from '../../scripts/system.mjs';
import { startRedisContainer } from '../redis-container.ts';
import { hasEngine } from './engine.ts';

const IMAGES = ['redis:6.2-alpine', 'redis:7-alpine', 'redis:8-alpine', 'valkey/valkey:8-alpine'];
/** What leans on Redis the most: scripts, indexes, queues, and a verification from end to end. */
const SUITE = [
  'store-model',
  'verification-store',
  'redis-scripts',
  'allowances',
  'fallback',
  'reconcile',
  'check-code',
];

describe.runIf(hasEngine)('the suite', () => {
  it.for(IMAGES)('holds on %s', async (image, { skip }) => {
    const here = await tryRun('docker', ['image', 'inspect', image]);
    if (!here.ok && !(await tryRun('docker', ['pull', '--quiet', image], { timeout: 120_000 })).ok)
      skip(`${image} cannot be had`);
    const redis = await startRedisContainer(image);
    const env = { ...process.env, TEST_REDIS_URL: redis.url };
    const { ok, stdout } = await tryRun(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...SUITE], { env });
    await redis.stop();

    expect(ok, stdout).toBe(true);
  });
});

it.runIf(!hasEngine)('no Redis is tried in a container: no container engine was found', ({ skip }) => skip());
