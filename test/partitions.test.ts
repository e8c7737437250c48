import { Redis } from 'ioredis';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { startApi } from '../src/api/start-api.ts';
import { loadConfig } from '../src/shared/config.ts';
import type { VerificationId } from '../src/shared/ids.ts';
import { createKeys } from '../src/shared/keys.ts';
import { type PartitionName, partitionNames, placesOf, ROOT_PARTITION } from '../src/shared/partitions.ts';
import type { VerificationView } from '../src/shared/verification-view.ts';
import { startWorker } from '../src/worker/start-worker.ts';
import { API_KEY, freshNumber, MINUTE, ownDatabase, type Service, startService } from './fixtures.ts';
import { callAt, startBalancer, stop, surroundings } from './real-service.ts';

const COUNT = 4;
const PARTITIONS = { PARTITIONS: String(COUNT), NUMBER_KEY: 'a-key-of-the-number-hash-for-tests' };

const partitionOf = ({ id }: VerificationView) => placesOf(id, COUNT)[0];

/** Numbers whose verifications lie in all partitions, submitted. */
async function submitToAll(service: Service, body: Record<string, unknown> = {}) {
  const made: VerificationView[] = [];
  while (new Set(made.map(partitionOf)).size < COUNT) made.push(await service.submit({ to: freshNumber(), ...body }));
  return made;
}

/** The first partition whose verifications none of the others hold. */
const oneOfEach = (made: readonly VerificationView[]) =>
  partitionNames(COUNT).flatMap((name) => made.find((v) => partitionOf(v) === name) ?? []);

describe('a service with several partitions', () => {
  it('is one service for its clients', async () => {
    const service = await startService({ env: PARTITIONS });
    const endpoint = await service.call<{ id: string }>('POST', '/v1/callback-endpoints', {
      url: service.receiver.url,
      types: ['verification.approved'],
    });
    const made = await submitToAll(service, { reference: 'login' });

    for (const { id, to } of made) {
      const { code } = await service.sandbox.nextMessage(to);
      await expect.poll(async () => (await service.check(id, code)).body.approved).toBe(true);
      await service.receiver.event('verification.approved', id);
    }

    const newest = made.map(({ id }) => id).toReversed();
    const pages: string[] = [];
    let query = '';
    do {
      const { body } = await service.call<{ data: VerificationView[]; next_cursor: string | null }>(
        'GET',
        `/v1/verifications?reference=login&limit=3${query}`,
      );
      pages.push(...body.data.map(({ id }) => id));
      query = body.next_cursor === null ? '' : `&cursor=${encodeURIComponent(body.next_cursor)}`;
    } while (query !== '');
    expect(pages).toEqual(newest);
    const [last] = made.slice(-1);
    const found = await service.call<{ data: VerificationView[] }>('POST', '/v1/verifications/search', {
      to: last?.to,
    });
    expect(found.body.data.map(({ id }) => id)).toEqual([last?.id]);
    const events = await service.call<{ data: { type: string; verification_id: string; endpoint: string | null }[] }>(
      'GET',
      `/v1/callbacks?endpoint=${endpoint.body.id}&limit=100`,
    );
    expect(events.body.data.map((callback) => callback.verification_id)).toEqual(newest);
    const replayed = await service.call('POST', `/v1/callback-endpoints/${endpoint.body.id}/replay`, {
      since: new Date(service.clock.now() - MINUTE).toISOString(),
    });
    expect(replayed.body).toMatchObject({ replayed: made.length, complete: true });
    const story = await service.call<{ data: { type: string }[] }>('GET', `/v1/verifications/${last?.id}/timeline`);
    expect(story.body.data.map(({ type }) => type)).toContain('verification.approved');
    await service.close();
  });

  it('gives a channel one rate over all of them and all workers', async () => {
    const service = await startService({ env: { ...PARTITIONS, SMS_RATE_PER_SECOND: '0.0001' }, workers: 2 });
    const made = oneOfEach(await submitToAll(service));

    await expect
      .poll(async () => (await Promise.all(made.map(({ id }) => service.read(id)))).filter(isSent))
      .toHaveLength(1);
    await expect
      .poll(() => Promise.all(service.allQueues.filter(({ name }) => name === 'sms').map((q) => q.getRateLimitTtl(1))))
      .toEqual(made.map(() => expect.toSatisfy((ms: number) => ms > 0)));
    expect((await Promise.all(made.map(({ id }) => service.read(id)))).filter(isSent)).toHaveLength(1);
    await service.close();
  });

  it('may have workers that serve some of them', async () => {
    const service = await startService({ env: { ...PARTITIONS, WORKER_PARTITIONS: '0,80' } });
    const made = oneOfEach(await submitToAll(service));
    const [inFirst, inSecond, inThird, inFourth] = made as [
      VerificationView,
      VerificationView,
      VerificationView,
      VerificationView,
    ];

    for (const { id } of [inFirst, inThird]) await service.receiver.event('verification.attempt.sent', id);
    for (const { id } of [inSecond, inFourth]) expect((await service.read(id)).attempts[0]?.status).toBe('queued');
    await service.close();
  });
});

const isSent = (v: VerificationView) => v.attempts[0]?.status === 'sent';

describe('more partitions than there were', () => {
  it('leave what is open where it is, and nothing is lost', async () => {
    const service = await startService({ env: { NUMBER_KEY: PARTITIONS.NUMBER_KEY } });
    const { id: endpoint } = (
      await service.call<{ id: string }>('POST', '/v1/callback-endpoints', { url: service.receiver.url })
    ).body;
    const made = oneOfEach(await submitToAll(service));
    for (const { id } of made) await service.receiver.event('verification.attempt.sent', id);
    await Promise.all([service.api.close(), ...service.workers.map((worker) => worker.close())]);

    const env = { ...service.env, ...PARTITIONS };
    const log = pino({ level: 'silent' });
    const worker = await startWorker(loadConfig(env, 'worker'), log, { clock: service.clock });
    const api = await startApi(loadConfig(env, 'api'), log, { clock: service.clock });
    const call = async (method: string, path: string, body?: unknown) => {
      const response = await fetch(`http://127.0.0.1:${api.port}${path}`, {
        method,
        headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as VerificationView & Record<string, unknown> };
    };
    try {
      for (const { id, to } of made) {
        const again = await call('POST', '/v1/verifications', { to });
        expect(again).toMatchObject({ status: 409, body: { code: 'verification-active', verification_id: id } });
        const { code } = await service.sandbox.nextMessage(to);
        expect(await call('POST', `/v1/verifications/${id}/checks`, { code })).toMatchObject({
          body: { approved: true },
        });
        const { body } = await service.receiver.event('verification.approved', id);
        expect(body.data.sequence).toBe(2);
      }
      const fresh = await call('POST', '/v1/verifications', { to: freshNumber() });
      await service.receiver.event('verification.attempt.sent', fresh.body.id);
      const listed = await call('GET', '/v1/verifications?limit=100');
      expect((listed.body['data'] as VerificationView[]).map(({ id }) => id)).toEqual(
        expect.arrayContaining([...made.map(({ id }) => id), fresh.body.id]),
      );
      const callbacks = await call('GET', `/v1/callbacks?endpoint=${endpoint}&limit=100`);
      const told = (callbacks.body['data'] as { verification_id: string }[]).map((c) => c.verification_id);
      expect(told).toEqual(expect.arrayContaining([...made.map(({ id }) => id), fresh.body.id]));
    } finally {
      await Promise.all([api.close(), worker.close()]);
      await service.close();
    }
  });
});

const CLIENTS = 4;

describe('PARTITIONS growing under load as the runbook says', () => {
  it('fails no request, loses nothing and sends nothing twice', async () => {
    const database = await ownDatabase();
    const { sandbox, receiver, start } = await surroundings(database);
    const [apis, workers] = await Promise.all([
      Promise.all([start('api'), start('api')]),
      Promise.all([start('worker')]),
    ]);
    const balancer = startBalancer();
    for (const { url } of apis) await balancer.add(url);
    const approved = new Map<string, string>();
    let loaded = true;

    /** Every step may meet another API process. */
    async function verify(to: string): Promise<void> {
      const { status, body } = await balancer.call('POST', '/v1/verifications', { to });
      expect([status, body]).toEqual([202, expect.anything()]);
      await receiver.event('verification.attempt.sent', body.id);
      const again = await balancer.call('POST', '/v1/verifications', { to });
      expect(again).toMatchObject({ status: 409, body: { verification_id: body.id } });
      expect(await balancer.call('GET', `/v1/verifications/${body.id}`)).toMatchObject({ status: 200 });
      await approve(body.id, to);
    }
    async function approve(id: string, to: string): Promise<void> {
      const { code } = sandbox.messages(to).at(-1) ?? {};
      const checked = await balancer.call('POST', `/v1/verifications/${id}/checks`, { code });
      expect(checked).toMatchObject({ status: 200, body: { approved: true } });
      await receiver.event('verification.approved', id);
      approved.set(id, to);
    }
    const clients = Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        while (loaded) await verify(freshNumber());
      }),
    );
    clients.catch(() => {}); // awaited below
    const loadGoesOn = () =>
      Promise.race([clients, expect.poll(() => approved.size).toBeGreaterThan(approved.size + 2 * CLIENTS)]);
    async function replaceApis(env: Record<string, string>): Promise<void> {
      for (const old of apis.splice(0)) {
        const api = await start('api', env);
        apis.push(api);
        await balancer.add(api.url);
        await loadGoesOn(); // old and new side by side
        await stop(old);
        balancer.remove(old.url);
      }
    }

    const open = [freshNumber(), freshNumber(), freshNumber(), freshNumber()];
    const openIds = await Promise.all(
      open.map(async (to) => (await balancer.call('POST', '/v1/verifications', { to })).body.id),
    );
    await loadGoesOn();
    const count = { PARTITIONS: String(COUNT) };
    const halves = await Promise.all(
      ['0,40', '80,c0'].map((names) => start('worker', { ...count, WORKER_PARTITIONS: names })),
    );
    for (const old of workers.splice(0, workers.length, ...halves)) await stop(old);
    await replaceApis({ ...count, PARTITIONS_FILLED: '1' });
    await replaceApis(count);
    const before = approved.size;
    await expect.poll(() => approved.size).toBeGreaterThan(before + 4 * CLIENTS);
    loaded = false;
    await clients;

    for (const [i, id] of openIds.entries()) await approve(id, open[i] as string);
    for (const [id, to] of approved) {
      expect(sandbox.sendsTo(to)).toBe(1);
      for (const { url } of apis) {
        const { body } = await callAt(url, 'GET', `/v1/verifications/${id}`);
        expect(body).toMatchObject({ status: 'approved', attempts: [{ status: 'sent', tries: 1 }] });
      }
    }
    const redis = new Redis(database);
    const isIn = (partition: PartitionName, id: string) =>
      redis.exists(
        createKeys()
          .inPartition(partition)
          .verification(id as VerificationId),
      );
    for (const id of openIds) expect(await isIn(ROOT_PARTITION, id)).toBe(1);
    // those that were under way when the last API was replaced may have been made before
    const newest = [...approved.keys()].slice(before + CLIENTS, -openIds.length) as VerificationId[];
    for (const id of newest) expect(await isIn(placesOf(id, COUNT)[0] as PartitionName, id)).toBe(1);
    redis.disconnect();
  }, 120_000);
});
