import { describe, expect } from 'vitest';
import { ensureRedis } from '../../scripts/ensure-redis.mjs';
import { API_KEY, it as base, freshNumber, type Service, startService } from '../fixtures.ts';

const CLIENTS = 200;

/** What a process that idles may ask Redis for now and then; as many as wait would be far more. */
const FEW = CLIENTS / 10;

/** On a Redis of its own, where nobody else's commands are counted. */
const it = base.extend<{ service: Service }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
  service: async ({}, use) => {
    const redis = await ensureRedis({ persist: false, log: () => {} });
    const service = await startService({ env: { REDIS_URL: redis.url } });
    await use(service);
    await service.close();
    await redis.stop();
  },
});

/** Hashes that Redis has read so far: verifications are such. */
async function readsOf({ redis }: Service): Promise<number> {
  const stats = (await redis.info('commandstats')).matchAll(/^cmdstat_h(?:mget|getall|get):calls=(\d+)/gm);
  return [...stats].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

/** All connections, and how many of them listen. */
async function connectionsOf({ redis }: Service) {
  const all = String(await redis.client('LIST'))
    .trim()
    .split('\n');
  return { all: all.length, listening: all.filter((client) => !client.includes(' sub=0 ')).length };
}

async function queued(service: Service) {
  const { id } = await service.submit({ to: freshNumber() });
  const path = `/v1/verifications/${id}`;
  await service.receiver.event('verification.attempt.sent', id);
  await expect.poll(() => service.queues.sms.getCompletedCount()).toBe(1);
  await expect.poll(() => service.queues.callbacks.getCompletedCount()).toBe(1);
  return { path, etag: String((await service.call('GET', path)).headers.get('etag')) };
}

describe(`${CLIENTS} clients that wait for a change`, () => {
  it('cost Redis no connection and no subscription, and no command while they wait', async ({ service }) => {
    const { path, etag } = await queued(service);
    await Promise.all(service.workers.splice(0).map((worker) => worker.close()));
    const wait = (seconds: number) =>
      service.call('GET', path, undefined, { prefer: `wait=${seconds}`, 'if-none-match': etag });
    const connections = await connectionsOf(service);

    const waiting = Array.from({ length: CLIENTS }, () => wait(30));
    await expect.poll(async () => service.api.waiting()).toBe(CLIENTS);
    await wait(1); // whoever had not read it yet has by then
    const read = await readsOf(service);
    await wait(2); // some time

    expect((await readsOf(service)) - read).toBeLessThan(FEW);
    const after = await connectionsOf(service);
    expect(after.all).toBeLessThanOrEqual(connections.all);
    expect(after.listening).toBe(1);
    await service.call('POST', `${path}/cancel`);
    expect((await Promise.all(waiting)).map(({ body }) => body['status'])).toEqual(Array(CLIENTS).fill('canceled'));
  });

  it('are all answered when the process has to go', async ({ service }) => {
    const { path, etag } = await queued(service);
    const headers = { authorization: `Bearer ${API_KEY}`, prefer: 'wait=60', 'if-none-match': etag };
    const waiting = Array.from({ length: CLIENTS / 2 }, () => fetch(service.url + path, { headers }));
    const streams = Array.from({ length: CLIENTS / 2 }, () =>
      fetch(`${service.url}${path}/timeline`, { headers: { ...headers, accept: 'text/event-stream' } }),
    );
    await Promise.all(service.workers.splice(0).map((worker) => worker.close()));
    await Promise.all(streams); // they have been read
    await expect.poll(async () => service.api.waiting()).toBe(CLIENTS);

    const before = await readsOf(service);
    const closed = service.api.close();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array(CLIENTS / 2).fill(304));
    for (const stream of await Promise.all(streams)) expect(await stream.text()).toContain('event: attempt.sent');
    expect((await readsOf(service)) - before).toBeLessThan(FEW);
    await closed;
  });
});
