import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, inject, it, onTestFinished } from 'vitest';
import { ensureRedis } from '../../scripts/ensure-redis.mjs';
import { connectForWork } from '../../src/shared/redis.ts';
import { createConfirmReplicated, NotReplicatedError } from '../../src/shared/replication.ts';
import { startService } from '../fixtures.ts';
import { startTcpProxy } from '../tcp-proxy.ts';

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

/** A Redis with a replica, and a worker's connection to it that can be cut. */
async function startPair() {
  const [primary, replica] = await Promise.all([ensureRedis({ persist: false }), ensureRedis({ persist: false })]);
  const port = Number(new URL(primary.url).port);
  const proxy = await startTcpProxy(port);
  const [operator, follower] = [new Redis(primary.url), new Redis(replica.url)];
  const redis = connectForWork(`redis://127.0.0.1:${proxy.port}`, pino({ level: 'silent' }));
  onTestFinished(async () => {
    process.kill(replica.pid, 'SIGCONT');
    for (const connection of [redis, operator, follower]) connection.disconnect();
    await proxy.close();
    await Promise.all([primary.stop(), replica.stop()]);
  });
  await operator.config('SET', 'repl-diskless-sync-delay', '0');
  await follower.replicaof('127.0.0.1', port);
  await expect.poll(() => operator.wait(1, 500)).toBe(1); // it has begun to confirm
  return { redis, operator, proxy, replica };
}

it('is sure of what a replica has', async () => {
  const { redis } = await startPair();
  await redis.set('key', 'value');
  const confirmed = () => createConfirmReplicated(redis, 1)().then(() => 'sure', String);
  await expect.poll(confirmed).toBe('sure'); // a replica may be slow at first
});

it('is not sure when the connection that wrote broke meanwhile, whatever the new one is told', async () => {
  const { redis, operator, proxy, replica } = await startPair();
  process.kill(replica.pid, 'SIGSTOP');
  await redis.set('key', 'value');
  const confirmed = createConfirmReplicated(redis, 1)();
  const refused = expect(confirmed).rejects.toBeInstanceOf(NotReplicatedError);
  await expect.poll(() => operator.info('clients'), { interval: 5 }).toContain('blocked_clients:1');
  await proxy.cut();
  process.kill(replica.pid, 'SIGCONT'); // a server that has just taken over has replicas that confirm all that it has
  await proxy.restore();
  await refused;
});
