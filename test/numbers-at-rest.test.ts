import { describe, expect, onTestFinished } from 'vitest';
import type { VerificationId } from '../src/shared/ids.ts';
import { unpackVerification } from '../src/shared/packed-verification.ts';
import { readRecord } from '../src/shared/record.ts';
import type { VerificationView } from '../src/shared/verification-view.ts';
import { everythingIn, freshNumber, it, MINUTE, type Service, startService } from './fixtures.ts';

const HOUR = 60 * MINUTE;
const key = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString('base64')}`;
const K1 = key('k1', 1);
const K2 = key('k2', 2);

/** A service of its own, on the database of another one if that is given. */
async function start(options: { keys?: string; on?: Service; workers?: number; env?: Record<string, string> }) {
  const service = await startService({
    workers: options.workers ?? 1,
    env: {
      ...(options.keys !== undefined && { ENCRYPTION_KEYS: options.keys }),
      ...(options.on && { REDIS_URL: String(options.on.env['REDIS_URL']) }),
      ...options.env,
    },
  });
  onTestFinished(() => service.close());
  return service;
}

/** The digits that every spelling of a US number shares. */
const nationalOf = (number: string) => number.slice(2);
const storedNumber = async (service: Service, id: string) => {
  const { doc } = readRecord(String(await service.redis.get(`{ringback:0}:verification:${id}`)));
  return unpackVerification(id as VerificationId, doc).to;
};

describe('with ENCRYPTION_KEYS', () => {
  it('Redis holds no full number, and nobody notices', async () => {
    const service = await start({ keys: K1 });
    const to = freshNumber();
    const headers = { 'idempotency-key': `login ${to}` };
    const post = () => service.call<VerificationView>('POST', '/v1/verifications', { to }, headers);
    const { body: v } = await post();
    await service.receiver.event('verification.attempt.sent', v.id);

    expect(v.to).toBe(to);
    expect(service.sandbox.sendsTo(to)).toBe(1);
    expect((await service.read(v.id)).to).toBe(to);
    expect((await post()).body).toEqual(v);
    const found = await service.call<{ data: VerificationView[] }>('POST', '/v1/verifications/search', { to });
    expect(found.body.data.map(({ id, to: number }) => [id, number])).toEqual([[v.id, to]]);
    expect((await service.check(v.id, (await service.sandbox.nextMessage(to)).code)).body.approved).toBe(true);

    expect(await storedNumber(service, v.id)).toMatch(/^sealed:k1:/);
    expect(await everythingIn(service.redis)).not.toContain(nationalOf(to));
    expect(service.logged.join('')).not.toContain('ENCRYPTION_KEYS');
  });
});

describe('without ENCRYPTION_KEYS', () => {
  it('says so at the start, and the number is in the verification only', async () => {
    const service = await start({});
    const to = freshNumber();
    const headers = { 'idempotency-key': to };
    const { body: v } = await service.call<VerificationView>('POST', '/v1/verifications', { to }, headers);
    await service.receiver.event('verification.attempt.sent', v.id);

    expect(service.logged.filter((line) => line.includes('ENCRYPTION_KEYS is not set'))).toHaveLength(2); // api, worker
    expect(await storedNumber(service, v.id)).toBe(to);
    await service.redis.del(`{ringback:0}:verification:${v.id}`);
    expect(await everythingIn(service.redis)).not.toContain(nationalOf(to));
  });

  it('a number that was stored before keys were set is read, and sealed when it is next stored', async () => {
    const before = await start({ workers: 0 });
    const to = freshNumber();
    const v = await before.submit({ to });
    expect(await storedNumber(before, v.id)).toBe(to);

    const after = await start({ on: before, keys: K1 });
    await after.receiver.event('verification.attempt.sent', v.id);

    expect(after.sandbox.sendsTo(to)).toBe(1);
    expect(await storedNumber(after, v.id)).toMatch(/^sealed:k1:/);
  });
});

describe('changing keys', () => {
  it('is complete a day after the last old verification has ended, by itself', async () => {
    const before = await start({ keys: K1, workers: 0 });
    const open = await before.submit({ to: freshNumber() });
    const closed = await before.submit({ to: freshNumber() });
    await before.call('POST', `/v1/verifications/${closed.id}/cancel`);
    expect(await storedNumber(before, open.id)).toMatch(/^sealed:k1:/);

    const after = await start({ on: before, keys: `${K2},${K1}` });
    await after.receiver.event('verification.attempt.sent', open.id);
    expect(await storedNumber(after, open.id)).toMatch(/^sealed:k2:/); // stored anew at its next change
    expect(after.sandbox.sendsTo(open.to)).toBe(1);
    expect((await after.read(closed.id)).to).toBe(closed.to);

    after.clock.advance(24 * HOUR);
    await expect
      .poll(() => storedNumber(after, closed.id), { timeout: 10_000 })
      .toBe(`+1••••••••${closed.to.slice(-2)}`);
    expect(await everythingIn(after.redis)).not.toContain('sealed:k1:');
  });

  it('leaves all else alone when a key is missing: the number is masked, the code waits, and an operator is told', async () => {
    const before = await start({ keys: K1, workers: 0 });
    const lost = await before.submit({ to: freshNumber() });

    const after = await start({ on: before, keys: K2 });
    const other = await after.submit({ to: freshNumber() });
    await after.receiver.event('verification.attempt.sent', other.id);

    const remedy = /sealed with the key "k1".*put the right key "k1" back into ENCRYPTION_KEYS/;
    await expect
      .poll(async () => (await after.read(lost.id)).attempts[0]?.error?.detail, { timeout: 10_000 })
      .toMatch(remedy);
    const shown = await after.read(lost.id);
    expect(shown).toMatchObject({ status: 'queued', to: `+1••••••••${lost.to.slice(-2)}` });
    expect(shown.attempts[0]).toMatchObject({ status: 'queued', tries: 1, error: { code: 'misconfigured' } });
    expect(after.logged.some((line) => remedy.test(line.replaceAll('\\"', '"')))).toBe(true);
    expect((await after.call('GET', '/readyz')).body['degraded']).toMatchObject([
      { detail: expect.stringMatching(remedy) },
    ]);
    const list = await after.call<{ data: VerificationView[] }>('GET', '/v1/verifications');
    expect(list.body.data.map(({ to }) => to)).toEqual([other.to, shown.to]);
    expect((await after.call('POST', `/v1/verifications/${lost.id}/cancel`)).status).toBe(200);
    expect(after.sandbox.sendsTo(lost.to)).toBe(0);
  });

  it('goes on where it stood once the key is back', async () => {
    const before = await start({ keys: K1, workers: 0 });
    const v = await before.submit({ to: freshNumber() });
    const without = await startService({ env: { ENCRYPTION_KEYS: K2, REDIS_URL: String(before.env['REDIS_URL']) } });
    await expect.poll(async () => (await without.read(v.id)).attempts[0]?.tries, { timeout: 10_000 }).toBe(1);
    await without.close();

    const back = await start({ on: before, keys: `${K2},${K1}` });
    await back.advance(31_000);

    await back.receiver.event('verification.attempt.sent', v.id);
    expect(back.sandbox.sendsTo(v.to)).toBe(1);
  });
});

describe('what is kept of a verification', () => {
  it('loses its full number a day after its end, though nobody looks at it', async ({ service }) => {
    const to = freshNumber();
    const headers = { 'idempotency-key': 'once' };
    const post = () => service.call<VerificationView>('POST', '/v1/verifications', { to }, headers);
    const { body: v } = await post();
    await service.call('POST', `/v1/verifications/${v.id}/cancel`);
    expect(await storedNumber(service, v.id)).toBe(to);

    service.clock.advance(24 * HOUR);

    await expect.poll(() => storedNumber(service, v.id), { timeout: 10_000 }).toBe(`+1••••••••${to.slice(-2)}`);
    expect(await everythingIn(service.redis)).not.toContain(nationalOf(to));
    expect((await post()).body.to).toBe(`+1••••••••${to.slice(-2)}`); // the kept answer too
  });

  it('vanishes after RETENTION, with its callbacks, their bodies, its timeline and its kept answers', async () => {
    const service = await start({ env: { RETENTION: '1s' } });
    const headers = { 'idempotency-key': 'once' };
    const { body: v } = await service.call<VerificationView>(
      'POST',
      '/v1/verifications',
      { to: freshNumber() },
      headers,
    );
    await service.receiver.event('verification.attempt.sent', v.id);
    await service.call('POST', `/v1/verifications/${v.id}/cancel`);
    await service.receiver.event('verification.canceled', v.id);
    const keysOf = async () =>
      (await service.redis.keys('{ringback:0}:*')).filter((name) => /:(verification|callback):/.test(name));
    expect((await keysOf()).length).toBeGreaterThan(3);

    await expect
      .poll(async () => (await keysOf()).filter((name) => !name.endsWith(':replies')), { timeout: 10_000 })
      .toEqual([]);

    for (const path of ['', '/timeline', '/callbacks']) {
      expect((await service.call('GET', `/v1/verifications/${v.id}${path}`)).status).toBe(404);
    }
    for (const list of ['/v1/verifications', '/v1/callbacks']) {
      expect((await service.call('GET', list)).body['data']).toEqual([]);
    }
  });
});
