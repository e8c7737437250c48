import { Redis } from 'ioredis';
import { describe, expect, onTestFinished } from 'vitest';
import { freshNumber, it, OTHER_API_KEY, SECOND, type Service } from '../fixtures.ts';

const PATH = '/v1/verifications';

const post = (service: Service, key: string, body: unknown, headers: Record<string, string> = {}) =>
  service.call('POST', PATH, body, { 'idempotency-key': key, ...headers });

describe('a submission with an idempotency key', () => {
  it('is answered alike when it is repeated, and done once', async ({ service }) => {
    const to = freshNumber();
    const first = await post(service, 'key-1', { to, reference: 'r' });
    await service.receiver.event('verification.attempt.sent', String(first.body['id']));
    const again = await post(service, 'key-1', { to, reference: 'r' });

    expect(again.status).toBe(202);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect([first.headers.get('idempotency-replayed'), again.headers.get('idempotency-replayed')]).toEqual([
      null,
      'true',
    ]);
    expect(service.sandbox.sendsTo(to)).toBe(1);
  });

  it('takes the quoted form, and any order of fields', async ({ service }) => {
    const to = freshNumber();
    const first = await post(service, '"key \\"2\\""', { to, reference: 'r' });
    const again = await post(service, 'key "2"', { reference: 'r', to });

    expect(again.body['id']).toBe(first.body['id']);
  });

  it('is refused with another body', async ({ service }) => {
    await post(service, 'key-3', { to: freshNumber() });
    const other = await post(service, 'key-3', { to: freshNumber() });

    expect(other.body).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
  });

  it('is one verification and one text, however many come at once', async ({ service }) => {
    const to = freshNumber();
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(service, 'key-4', { to })));

    const ids = new Set(answers.filter((a) => a.status === 202).map((a) => a.body['id']));
    expect(ids.size).toBe(1);
    const others = answers.filter((a) => a.status !== 202);
    expect(others.every((a) => a.body['code'] === 'idempotency-key-in-use')).toBe(true);
    await service.receiver.event('verification.attempt.sent', String([...ids][0]));
    expect(service.sandbox.sendsTo(to)).toBe(1);
  });

  it('frees the key when it is refused', async ({ service }) => {
    const to = freshNumber();
    expect((await post(service, 'key-5', { to, code_length: 99 })).status).toBe(422);

    expect((await post(service, 'key-5', { to })).status).toBe(202);
  });

  it('is nobody else’s', async ({ service }) => {
    const to = freshNumber();
    const first = await post(service, 'key-6', { to });
    const other = await post(service, 'key-6', { to }, { authorization: `Bearer ${OTHER_API_KEY}` });

    expect(other.status).toBe(202);
    expect(other.body['id']).not.toBe(first.body['id']);
  });

  it('finds what was stored although its answer was lost', async ({ service }) => {
    const to = freshNumber();
    const first = await post(service, 'key-7', { to });
    // as after a 503: the verification is there, the answer is not
    const redis = new Redis(String(service.env['REDIS_URL']));
    onTestFinished(() => redis.disconnect());
    const kept = await redis.keys('*:idempotency:*');
    expect(kept).toHaveLength(1);
    await redis.del(...kept);

    const again = await post(service, 'key-7', { to });

    expect(again.status).toBe(202);
    expect(again.body['id']).toBe(first.body['id']);
  });

  it('may use its key for another one after a day', async ({ service }) => {
    const to = freshNumber();
    const first = await post(service, 'key-8', { to });
    service.clock.advance(25 * 3600 * SECOND);
    const [kept] = await service.redis.keys('*:idempotency:*');
    expect(await service.redis.pttl(String(kept))).toBeLessThanOrEqual(24 * 3600 * SECOND);
    await service.redis.del(String(kept));

    const second = await post(service, 'key-8', { to });

    expect(second.status).toBe(202);
    expect(second.body['id']).not.toBe(first.body['id']);
  });

  it.for(['', ' ', 'ü', 'x'.repeat(256)])('is refused with the key %j', async (key, { service }) => {
    const { status, body } = await post(service, key, { to: freshNumber() });

    expect(status).toBe(422);
    expect(JSON.stringify(body)).toContain('Idempotency-Key');
  });
});

describe('a requested attempt with an idempotency key', () => {
  it('is made once, also when its answer was lost', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to });
    await service.receiver.event('verification.attempt.sent', id);
    const ask = () =>
      service.call('POST', `${PATH}/${id}/attempts`, { channel: 'call' }, { 'idempotency-key': 'again' });

    const first = await ask();
    await service.receiver.first(
      (d) => d.body.data.attempt?.channel === 'call' && d.body.data.attempt.status === 'sent',
    );
    const replayed = await ask();
    await service.redis.del(...(await service.redis.keys('*:idempotency:*')));
    const lost = await ask();

    expect([first.status, replayed.status, lost.status]).toEqual([202, 202, 202]);
    expect(replayed.body).toEqual(first.body);
    expect(lost.body['attempts']).toHaveLength(2);
    expect(service.sandbox.sendsTo(to)).toBe(2);
  });
});
