import { describe, expect, onTestFinished } from 'vitest';
import { type AnyRingbackError, createRingback, type Verification } from '../../../clients/typescript/src/index.ts';
import { startCallbackReceiver } from '../../callback-receiver.ts';
import { API_KEY, freshNumber, MINUTE, OTHER_API_KEY, startService } from '../../fixtures.ts';
import { collect, failureOf, it, texted } from './fixtures.ts';

describe('a verification', () => {
  it('is submitted, checked and read', async ({ service, ringback }) => {
    const { id, to, code, wrong } = await texted(service, ringback, { reference: 'login-1' });

    expect(await ringback.check(id, wrong)).toMatchObject({ approved: false, checks: { used: 1 } });
    expect(await ringback.check(id, code)).toMatchObject({ approved: true, verification: { id, status: 'approved' } });
    expect(await ringback.get(id)).toMatchObject({ id, to, reference: 'login-1', status: 'approved' });
  });

  it('is submitted once, however often it is repeated with its key', async ({ service, ringback }) => {
    const to = freshNumber();
    const first = await ringback.submit({ to }, { idempotencyKey: 'login-2' });
    await service.receiver.event('verification.attempt.sent', first.id);

    expect(await ringback.submit({ to }, { idempotencyKey: 'login-2' })).toEqual(first);
    expect(service.sandbox.sendsTo(to)).toBe(1);
  });

  it('is simulated, and nothing is sent', async ({ service, ringback }) => {
    const to = freshNumber();

    expect(await ringback.simulate({ to })).toMatchObject({ object: 'simulation', outcome: 'accepted' });
    expect(await collect(ringback.search({ to }))).toEqual([]);
    expect(service.sandbox.sendsTo(to)).toBe(0);
  });

  it('gets another code, over another channel', async ({ service, ringback }) => {
    const { id } = await texted(service, ringback);

    expect(await ringback.requestAttempt(id, { channel: 'call' })).toMatchObject({ current_step: 1 });
  });

  it('is canceled, again too', async ({ ringback }) => {
    const { id } = await ringback.submit({ to: freshNumber() });

    expect(await ringback.cancel(id)).toMatchObject({ status: 'canceled' });
    expect(await ringback.cancel(id)).toMatchObject({ status: 'canceled' });
  });

  it('tells its story', async ({ service, ringback }) => {
    const { id } = await texted(service, ringback);

    const [created, ...rest] = await ringback.timeline(id);
    expect(created).toMatchObject({ id: 'tl_0', type: 'verification.created' });
    expect(rest.map((entry) => entry.type)).toContain('attempt.sent');
  });
});

describe('waiting', () => {
  it('ends with the close', async ({ service, ringback }) => {
    const { id, code } = await texted(service, ringback);
    const waiting = ringback.wait(id);
    await ringback.check(id, code);

    expect(await waiting).toMatchObject({ id, status: 'approved' });
  });

  it('ends as soon as the verification is as wanted', async ({ ringback }) => {
    const { id } = await ringback.submit({ to: freshNumber() });

    expect(await ringback.wait(id, { until: (v) => v.status !== 'queued' })).toMatchObject({ status: 'pending' });
  });

  it('ends with the close, although it is not what was wanted', async ({ ringback }) => {
    const { id } = await ringback.submit({ to: freshNumber() });
    const waiting = ringback.wait(id, { until: (v) => v.status === 'approved' });
    await ringback.cancel(id);

    expect(await waiting).toMatchObject({ status: 'canceled' });
  });

  it('shows each change', async ({ service, ringback }) => {
    const { id, code } = await texted(service, ringback);
    const seen: Verification['status'][] = [];
    for await (const { status } of ringback.watch(id)) {
      if (seen.length === 0) await ringback.check(id, code);
      seen.push(status);
    }

    expect([seen[0], seen.at(-1)]).toEqual(['pending', 'approved']);
  });

  it('ends with the reason of its signal', async ({ service, ringback }) => {
    const { id } = await texted(service, ringback);
    const controller = new AbortController();
    const enough = new Error('enough');
    const until = () => {
      controller.abort(enough);
      return false;
    };

    await expect(ringback.wait(id, { signal: controller.signal, until })).rejects.toBe(enough);
  });
});

describe('lists', () => {
  it('go on from page to page', async ({ ringback }) => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.unshift((await ringback.submit({ to: freshNumber(), reference: 'list-1' })).id);

    expect((await collect(ringback.list({ reference: 'list-1', limit: 2 }))).map((v) => v.id)).toEqual(ids);
    expect(await collect(ringback.list({ reference: 'list-1', status: 'approved' }))).toEqual([]);
  });

  it('are had page by page', async ({ ringback }) => {
    for (let n = 0; n < 3; n++) await ringback.submit({ to: freshNumber() });
    const first = await ringback.list({ limit: 2 }).page();
    const second = await ringback.list({ limit: 2, cursor: String(first.next_cursor) }).page();

    expect([first.data.length, second.data.length, second.next_cursor]).toEqual([2, 1, null]);
  });

  it('are of one number', async ({ ringback }) => {
    const to = freshNumber();
    const first = await ringback.submit({ to });
    const second = await ringback.submit({ to, if_active: 'replace' });
    await ringback.submit({ to: freshNumber() });

    expect((await collect(ringback.search({ to, limit: 1 }))).map((v) => v.id)).toEqual([second.id, first.id]);
  });
});

describe('callbacks', () => {
  it('are listed and replayed', async ({ service, ringback }) => {
    const { id } = await texted(service, ringback);
    await expect.poll(async () => (await ringback.callbacks.of(id))[0]?.status).toBe('delivered');
    const [callback] = await ringback.callbacks.of(id);
    expect(await collect(ringback.callbacks.list({ limit: 1 }))).toEqual([callback]);

    expect(await ringback.callbacks.replay(String(callback?.id))).toMatchObject({ status: 'pending' });
    await expect.poll(async () => (await ringback.callbacks.of(id))[0]?.deliveries.length).toBe(2);
    expect(new Set(service.receiver.received.map((d) => d.headers['webhook-id'])).size).toBe(1);
  });

  it('go to endpoints, which are made, changed, tested and deleted', async ({ service, ringback }) => {
    const receiver = await startCallbackReceiver();
    const { secret, ...made } = await ringback.callbackEndpoints.create({
      url: receiver.url,
      types: ['verification.failed'],
    });
    expect(secret).toMatch(/^whsec_/);
    expect(await ringback.callbackEndpoints.get(made.id)).toEqual(made);
    expect(await ringback.callbackEndpoints.list()).toEqual([made]);

    expect(await ringback.callbackEndpoints.update(made.id, { types: null })).toMatchObject({ types: null });
    expect((await ringback.callbackEndpoints.rotateSecret(made.id, { expires_in: 60 })).secret).not.toBe(secret);
    expect(await ringback.callbackEndpoints.test(made.id)).toMatchObject({ type: 'callback_endpoint.test' });
    await receiver.first(({ body }) => body.type === 'callback_endpoint.test');
    const since = new Date(service.clock.now() - MINUTE).toISOString();
    expect(await ringback.callbackEndpoints.replay(made.id, { since })).toMatchObject({ replayed: 1, complete: true });

    await ringback.callbackEndpoints.delete(made.id);
    expect(await ringback.callbackEndpoints.list()).toEqual([]);
    await receiver.close();
  });
});

describe('a number', () => {
  it('is erased', async ({ ringback }) => {
    const { id, to } = await ringback.submit({ to: freshNumber() });
    const erasure = await ringback.erasures.create({ to });
    await expect.poll(async () => (await ringback.erasures.get(erasure.id)).status).toBe('complete');

    expect((await failureOf(ringback.get(id))).code).toBe('not-found');
  });

  it('is refused above its limit, and the decision kept', async () => {
    const service = await startService({ workers: 0, env: { LIMIT_NUMBER: '1/h' } });
    onTestFinished(() => service.close());
    const ringback = createRingback({ url: service.url, apiKey: API_KEY });
    const { to } = await ringback.submit({ to: freshNumber() });
    const limited = await failureOf(ringback.submit({ to, if_active: 'replace' }));

    expect(explain(limited)).toBe('limited by number');
    expect(limited.retryAfterMs).toBeGreaterThan(10_000);
    await expect
      .poll(() => collect(ringback.decisions({ limit: 1 })))
      .toMatchObject([{ object: 'decision', action: 'request.limited', reason: 'number' }]);
  });
});

describe('a refusal', () => {
  it('is told by its code, with what belongs to it', async ({ service, ringback }) => {
    const { id, to } = await texted(service, ringback);
    const active = await failureOf(ringback.submit({ to }));
    await ringback.cancel(id);
    const invalid = await failureOf(ringback.submit({ to: '4045550123' }));
    const closed = await failureOf(ringback.check(id, '123456'));

    expect(active).toMatchObject({ name: 'RingbackError', code: 'verification-active', status: 409 });
    expect([active, invalid, closed].map(explain)).toEqual([`use ${id}`, 'correct /to', 'it is canceled']);
    expect(explain(await failureOf(ringback.get('ver_none')))).toBe('not-found');
  });

  it('says how long to wait', async ({ service, ringback }) => {
    const { id } = await texted(service, ringback);
    const cooldown = await failureOf(ringback.requestAttempt(id, { channel: 'sms' }));

    expect(cooldown).toMatchObject({ code: 'cooldown', status: 429 });
    expect(cooldown.retryAfterMs).toBeGreaterThan(10_000);
  });

  it('comes without a key, and hides what is another one’s', async ({ service, ringback }) => {
    const { id } = await ringback.submit({ to: freshNumber() });
    const as = (apiKey: string) => createRingback({ url: `${service.url}/`, apiKey }).get(id);

    expect((await failureOf(as('wrong'))).code).toBe('unauthorized');
    expect((await failureOf(as(OTHER_API_KEY))).code).toBe('not-found');
  });

  it('never shows the key', async ({ service }) => {
    const apiKey = 'a-key-that-nobody-must-see';
    const error = await failureOf(createRingback({ url: service.url, apiKey }).get('ver_1'));

    expect(JSON.stringify({ ...error, message: error.message, stack: error.stack })).not.toContain(apiKey);
  });
});

it('is built only with an address', () => {
  expect(() => createRingback({ url: 'localhost', apiKey: '' })).toThrow(TypeError);
});

/** As a client would: the code decides, and the compiler knows what each one brings. */
function explain(error: AnyRingbackError): string {
  switch (error.code) {
    case 'verification-active':
      return `use ${error.problem.verification_id}`;
    case 'invalid-request':
      return `correct ${error.problem.errors.map(({ pointer }) => pointer)}`;
    case 'verification-closed':
      return `it is ${error.problem.verification.status}`;
    case 'rate-limited':
      return `limited by ${error.problem.limit}`;
    default:
      return error.code;
  }
}
