import { Redis } from 'ioredis';
import { pino } from 'pino';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { ensureRedis } from '../../scripts/ensure-redis.mjs';
import { connectForWork } from '../../src/shared/redis.ts';
import { createRunScript } from '../../src/shared/redis-scripts.ts';
import { createConfirmRecord, createConfirmReplicated, NotReplicatedError } from '../../src/shared/replication.ts';
import { startTcpProxy } from '../tcp-proxy.ts';

/** How `Promise.allSettled` tells of it. */
const REFUSED = { status: 'rejected', reason: expect.any(NotReplicatedError) };

it('waits for nobody unless told to', async () => {
  const redis = new Redis(inject('redisUrl'), { lazyConnect: true });
  await createConfirmReplicated(redis, 0)();
  expect(redis.status).toBe('wait'); // it was not even asked
  await expect(createConfirmReplicated(redis, 1)()).rejects.toBeInstanceOf(NotReplicatedError);
  redis.disconnect();
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
  const confirmReplicated = createConfirmReplicated(redis, 1);
  const outcomes = Promise.allSettled([confirmReplicated(), confirmReplicated()]); // the second one asks after the first
  await expect.poll(() => operator.info('clients'), { interval: 5 }).toContain('blocked_clients:1');
  await proxy.cut();
  process.kill(replica.pid, 'SIGCONT'); // a server that has just taken over has replicas that confirm all that it has
  await proxy.restore();
  expect(await outcomes).toEqual([REFUSED, REFUSED]);
});

it('is not sure when the server becomes a replica meanwhile', async () => {
  const { redis, operator, replica } = await startPair();
  process.kill(replica.pid, 'SIGSTOP');
  await redis.set('key', 'value');
  const confirmReplicated = createConfirmReplicated(redis, 1);
  const outcomes = Promise.allSettled([confirmReplicated(), confirmReplicated()]); // the second one asks after the first
  await expect.poll(() => operator.info('clients'), { interval: 5 }).toContain('blocked_clients:1');
  await operator.replicaof('127.0.0.1', Number(new URL(replica.url).port)); // as one that was frozen while another took over
  expect(await outcomes).toEqual([REFUSED, REFUSED]);
});

it('asks for many at once, so that nobody waits for the patience of the others', async () => {
  const { redis, operator, replica } = await startPair();
  const waits = async () => Number(/cmdstat_wait:calls=(\d+)/.exec(await operator.info('commandstats'))?.[1]);
  process.kill(replica.pid, 'SIGSTOP');
  await redis.set('key', 'value');
  const before = await waits();
  const confirmReplicated = createConfirmReplicated(redis, 1);

  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, confirmReplicated));

  expect(outcomes).toEqual(Array(20).fill(REFUSED));
  expect((await waits()) - before).toBe(2); // one for the first, one for all who came during it
});

it('is not sure, rather than wrong, when Redis does not answer at all', async () => {
  const { operator, proxy } = await startPair();
  const redis = new Redis(proxy.port, '127.0.0.1', { commandTimeout: 100 }); // as the connection of requests has one
  onTestFinished(() => redis.disconnect());
  await redis.set('key', 'value');
  await operator.client('PAUSE', 60_000, 'ALL');
  await expect(createConfirmReplicated(redis, 1)()).rejects.toBeInstanceOf(NotReplicatedError);
});

describe('a record that somebody else wrote', () => {
  const on = (redis: Redis, replicas: number) =>
    createConfirmRecord({
      runScript: createRunScript(redis),
      mark: 'mark',
      replicas,
      confirmReplicated: createConfirmReplicated(redis, replicas),
    });

  it('is sure once a replica has it, and not before', async () => {
    const { redis, operator, replica } = await startPair();
    process.kill(replica.pid, 'SIGSTOP');
    await operator.set('record', '1 token\ndoc\n');
    const confirm = on(redis, 1);
    await expect(confirm('record', '1 token')).rejects.toBeInstanceOf(NotReplicatedError);

    process.kill(replica.pid, 'SIGCONT');
    const confirmed = () => confirm('record', '1 token').catch(String);
    await expect.poll(confirmed).toBe(true);
  });

  it('is not the one that was read, when it changed meanwhile', async () => {
    const { redis } = await startPair();
    await redis.set('record', '2 other\ndoc\n');

    expect(await on(redis, 1)('record', '1 token')).toBe(false);
    expect(await on(redis, 1)('none', '1 token')).toBe(false);
    expect(await on(redis, 0)('record', '1 token')).toBe(true); // nobody asked
  });
});
