import { Redis } from 'ioredis';
import { expect, inject, it } from 'vitest';
import { createConfirmReplicated, NotReplicatedError } from '../../src/shared/replication.ts';
import { startService } from '../fixtures.ts';

it('waits for nobody unless told to', async () => {
  const redis = new Redis(inject('redisUrl'), { lazyConnect: true });
  await createConfirmReplicated(redis, 0)();
  expect(redis.status).toBe('wait'); // it was not even asked
  await expect(createConfirmReplicated(redis, 1)()).rejects.toBeInstanceOf(NotReplicatedError);
  redis.disconnect();
});

it('refuses what no replica has, as a Redis that is away, and finds it at a repeat', async () => {
  const service = await startService({ env: { REDIS_WAIT_REPLICAS: '1' }, workers: 0 });
  const submit = () =>
    service.call('POST', '/v1/verifications', { to: '+12125552999' }, { 'idempotency-key': 'without-replicas' });
  const first = await submit();
  expect([first.status, first.body['code'], first.headers.get('retry-after')]).toEqual([503, 'unavailable', '2']);
  expect((await submit()).status).toBe(202); // it had been stored all the same
  await service.close();
});
