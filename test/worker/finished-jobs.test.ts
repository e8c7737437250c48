import { expect } from 'vitest';
import { createKeys } from '../../src/shared/keys.ts';
import { freshNumber, it } from '../fixtures.ts';

const HOUR = 60 * 60_000;

it('finished jobs go when their time is over, and failed ones later', async ({ service }) => {
  const { redis } = service;
  const prefix = createKeys().queuePrefix;
  const kept = (state: string) => `${prefix}:callbacks:${state}`;
  for (const [state, ages] of Object.entries({ completed: [23, 25], failed: [167, 169] })) {
    for (const age of ages) await redis.zadd(kept(state), Date.now() - age * HOUR, `cb_${age}`);
  }

  const { id } = await service.submit({ to: freshNumber() });
  await service.receiver.event('verification.attempt.sent', id);
  await service.queues.callbacks.add('unreadable', {});

  await expect.poll(() => redis.zrange(kept('completed'), '0', '-1')).not.toContain('cb_25');
  await expect.poll(() => redis.zrange(kept('failed'), '0', '-1')).not.toContain('cb_169');
  expect(await redis.zrange(kept('completed'), '0', '-1')).toContain('cb_23');
  expect(await redis.zrange(kept('failed'), '0', '-1')).toContain('cb_167');
});
