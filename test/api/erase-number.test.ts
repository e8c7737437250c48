import { describe, expect, onTestFinished } from 'vitest';
import type { ErasureView } from '../../src/shared/erasure.ts';
import type { VerificationId } from '../../src/shared/ids.ts';
import { unpackVerification } from '../../src/shared/packed-verification.ts';
import { readRecord } from '../../src/shared/record.ts';
import type { VerificationView } from '../../src/shared/verification-view.ts';
import { everythingIn, freshNumber, it, OTHER_API_KEY, type Service, startService } from '../fixtures.ts';

async function erase(service: Service, to: string): Promise<ErasureView> {
  const answer = await service.call<ErasureView>('POST', '/v1/erasures', { to });
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/v1/erasures/${answer.body.id}`);
  return answer.body;
}

async function complete(service: Service, { id }: ErasureView): Promise<ErasureView> {
  const read = async () => (await service.call<ErasureView>('GET', `/v1/erasures/${id}`)).body;
  await expect.poll(async () => (await read()).status, { timeout: 15_000 }).toBe('complete');
  return read();
}

/** What Redis holds, but for BullMQ's streams of events and the shared limits, which live on for a day as ids and hashes. */
async function kept(service: Service): Promise<string> {
  const found: string[] = [];
  for (const key of await service.redis.keys('{ringback:*')) {
    if (key.includes(':limit:') || key.endsWith(':events')) continue;
    found.push(key);
    const type = await service.redis.type(key);
    if (type === 'hash') found.push(JSON.stringify(await service.redis.hgetall(key)));
    else if (type === 'zset') found.push(...(await service.redis.zrange(key, '0', '-1')));
    else if (type === 'set') found.push(...(await service.redis.smembers(key)));
    else if (type === 'list') found.push(...(await service.redis.lrange(key, 0, -1)));
    else if (type === 'string') found.push(String(await service.redis.get(key)));
  }
  return found.join('\n');
}

describe('the erasure of a number', () => {
  it.each(['1', '4'])(
    'leaves nothing that tells of it: records, timeline, jobs, callbacks, kept answers, lists; PARTITIONS=%s',
    async (partitions) => {
      const service = await startService({ env: { PARTITIONS: partitions } });
      onTestFinished(() => service.close());
      const to = freshNumber();
      const body = { to, reference: 'ref-of-a-person', metadata: { user: 'somebody' } };
      const first = await service.call<VerificationView>('POST', '/v1/verifications', body, { 'idempotency-key': 'k' });
      const { id } = first.body;
      await service.receiver.event('verification.attempt.sent', id);
      await service.call('POST', `/v1/verifications/${id}/attempts`, { channel: 'call' }, { 'idempotency-key': 'k' });
      await service.call('POST', `/v1/verifications/${id}/cancel`);
      await service.receiver.event('verification.canceled', id);
      const [document = ''] = await service.redis.keys(`*:verification:${id}`);
      const { doc } = readRecord(String(await service.redis.get(document)));
      const { numberHash } = unpackVerification(id as VerificationId, doc);
      const { data: callbacks } = (
        await service.call<{ data: { id: string }[] }>('GET', `/v1/verifications/${id}/callbacks`)
      ).body;
      await expect.poll(() => kept(service)).toContain(':verifications:completed');
      expect(await kept(service)).toContain(numberHash);

      const erasure = await complete(service, await erase(service, to));

      expect(erasure).toMatchObject({
        object: 'erasure',
        status: 'complete',
        erased: { verifications: 1, canceled: 0, callbacks: callbacks.length, answers: 2 },
      });
      const left = await kept(service);
      for (const trace of [id, numberHash, to.slice(2), 'ref-of-a-person', 'somebody', ...callbacks.map((c) => c.id)]) {
        expect(left).not.toContain(trace);
      }
      for (const path of ['', '/timeline', '/callbacks']) {
        expect((await service.call('GET', `/v1/verifications/${id}${path}`)).status).toBe(404);
      }
      expect((await service.call('POST', '/v1/verifications/search', { to })).body['data']).toEqual([]);
      expect((await service.call('GET', '/v1/verifications?reference=ref-of-a-person')).body['data']).toEqual([]);
      expect((await service.call('GET', '/v1/callbacks')).body['data']).toEqual([]);
    },
  );

  it('cancels what is open, so that nothing more is sent', async () => {
    const service = await startService({ workers: 0 });
    onTestFinished(() => service.close());
    const to = freshNumber();
    await service.submit({ to });

    const erasure = await erase(service, to);

    expect(erasure).toMatchObject({ status: 'complete', erased: { verifications: 1, canceled: 1 } });
    for (const queue of Object.values(service.queues)) expect(await queue.getJobs()).toEqual([]);
    const worker = await startService({ env: { REDIS_URL: String(service.env['REDIS_URL']) } });
    onTestFinished(() => worker.close());
    const other = freshNumber();
    await worker.submit({ to: other });
    await worker.sandbox.nextMessage(other); // what was there before had its turn
    expect(worker.sandbox.sendsTo(to)).toBe(0);
  });

  it('waits for a code that is on its way at this moment, and is done by the worker', async ({ service }) => {
    const to = freshNumber();
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    service.sandbox.behave({ to }, async () => {
      await held;
      return 'accept' as const;
    });
    const { id } = await service.submit({ to });
    await service.sandbox.nextRequest((request) => request.to === to);

    const erasure = await erase(service, to);
    expect(erasure).toMatchObject({ status: 'pending', completed_at: null, erased: { verifications: 0 } });
    expect(await service.read(id)).toMatchObject({ status: 'canceled' });
    answer();

    expect((await complete(service, erasure)).erased).toMatchObject({ verifications: 1, canceled: 1 });
    expect(await kept(service)).not.toContain(id);
  });

  it('touches no other number and no other key name', async ({ service }) => {
    const to = freshNumber();
    const others = { authorization: `Bearer ${OTHER_API_KEY}` };
    const theirs = await service.call<VerificationView>('POST', '/v1/verifications', { to }, others);
    const mine = await service.submit({ to });
    const another = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', mine.id);

    const erasure = await complete(service, await erase(service, to));

    expect(erasure.erased).toMatchObject({ verifications: 1, canceled: 1 });
    expect((await service.read(another.id)).status).toMatch(/queued|pending/);
    expect((await service.call('GET', `/v1/verifications/${theirs.body.id}`, undefined, others)).status).toBe(200);
    expect((await service.call('GET', `/v1/erasures/${erasure.id}`, undefined, others)).status).toBe(404);
  });

  it('lets the number be used again at once', async ({ service }) => {
    const to = freshNumber();
    await service.submit({ to });
    await erase(service, to);

    const again = await service.call<VerificationView>('POST', '/v1/verifications', { to });
    expect(again.body).not.toMatchObject({ code: 'verification-active' }); // the shared limits may still make it wait
  });

  it('of a number that is not known is complete at once', async ({ service }) => {
    const erasure = await erase(service, freshNumber());

    expect(erasure).toMatchObject({
      status: 'complete',
      erased: { verifications: 0, canceled: 0, callbacks: 0, answers: 0 },
    });
  });

  it('is recorded for the audit, without the number', async ({ service }) => {
    const to = freshNumber();
    const { id } = await erase(service, to);

    const [[, [, doc = '{}']] = ['', []]] = await service.redis.xrange('{ringback:0}:audit', '-', '+');
    expect(JSON.parse(doc)).toMatchObject({
      actor: 'api-key:test',
      action: 'erasure.requested',
      owner: 'test',
      subject: id,
    });
    expect(service.logged.join('')).not.toContain(to.slice(2));
    expect(await everythingIn(service.redis)).not.toContain(to.slice(2));
  });

  it('reaches a verification whose number no key opens any more', async () => {
    const key = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString('base64')}`;
    const before = await startService({ workers: 0, env: { ENCRYPTION_KEYS: key('k1', 1) } });
    onTestFinished(() => before.close());
    const { to, id } = await before.submit({ to: freshNumber() });
    const after = await startService({
      workers: 0,
      env: { ENCRYPTION_KEYS: key('k2', 2), REDIS_URL: String(before.env['REDIS_URL']) },
    });
    onTestFinished(() => after.close());

    expect(await erase(after, to)).toMatchObject({ status: 'complete', erased: { verifications: 1 } });
    expect(await kept(after)).not.toContain(id);
  });

  it.each([
    [{ to: '4045550123' }, '/to'],
    [{}, '/to'],
    [{ to: '+14045550123', from: '+14045550123' }, '/from'],
  ])('is refused for %j', async (body, pointer) => {
    const service = await startService({ workers: 0 });
    onTestFinished(() => service.close());
    const answer = await service.call<{ errors: { pointer: string }[] }>('POST', '/v1/erasures', body);

    expect(answer.status).toBe(422);
    expect(answer.body.errors[0]?.pointer).toBe(pointer);
  });

  it.each(['era_00', 'ver_00', `era_${'0'.repeat(34)}`])('is not found by %s', async (id) => {
    const service = await startService({ workers: 0 });
    onTestFinished(() => service.close());

    expect((await service.call('GET', `/v1/erasures/${id}`)).body).toMatchObject({ status: 404, code: 'not-found' });
  });
});
