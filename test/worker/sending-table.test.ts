import { Redis } from 'ioredis';
import { describe, expect, onTestFinished } from 'vitest';
import { freshNumber, it, MINUTE, SECOND, startService } from '../fixtures.ts';

const ONE_TEXT = [{ channel: 'sms' }];

describe('a try that SignalWire accepted', () => {
  it('makes the verification pending, with its step timer started', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });

    const { body } = await service.receiver.event('verification.attempt.sent', id);

    expect(body.data.attempt).toMatchObject({ channel: 'sms', status: 'sent', trigger: 'initial', error: null });
    const v = await service.read(id);
    expect(body.data.verification['next_attempt']).toEqual(v.next_attempt);
    expect(v).toMatchObject({ status: 'pending', next_attempt: { channel: 'call' } });
    const [attempt] = v.attempts;
    expect(Date.parse(v.next_attempt?.at ?? '') - Date.parse(attempt?.sent_at ?? '')).toBe(45 * SECOND);
  });

  it('asks for a code that does not outlive the verification, with more checks than ours', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({
      to,
      expires_in: 300,
      max_checks: 4,
      code_length: 8,
      code_type: 'alphanumeric',
    });
    await service.receiver.event('verification.attempt.sent', id);

    const [request] = service.sandbox.requests;
    expect(request?.body).toMatchObject({ to, token_length: 8, max_attempts: 6, allow_alphas: true });
    const validFor = (request?.body as { valid_for: number } | undefined)?.valid_for;
    expect(validFor).toBeLessThanOrEqual(300);
    expect(validFor).toBeGreaterThan(290);
  });
});

describe('a try that was certainly not sent', () => {
  it('is tried again after 503, and the queue shows the tries', async ({ service }) => {
    const to = freshNumber();
    service.sandbox.behave({ to }, [{ status: 503 }, { status: 503 }, 'accept']);
    const { id } = await service.submit({ to });

    const { body } = await service.receiver.event('verification.attempt.sent', id);

    const v = await service.read(id);
    expect(v.attempts[0]).toMatchObject({ status: 'sent', tries: 3, error: null });
    const job = await service.queues.sms.getJob(body.data.attempt?.id ?? '');
    expect(job?.attemptsStarted).toBe(3);
    expect(job?.stacktrace?.[0]).toContain('not_sent');
    expect(service.sandbox.sendsTo(to)).toBe(1);
  });

  it('fails after SEND_TRIES tries, and the next step starts', async ({ service }) => {
    const to = freshNumber();
    service.sandbox.behave({ to, channel: 'sms' }, () => ({ status: 503 }));
    const { id } = await service.submit({ to });

    const failed = await service.receiver.event('verification.attempt.failed', id);
    const fallback = await service.receiver.event('verification.fallback', id);

    expect(failed.body.data.attempt).toMatchObject({ tries: 5, error: { code: 'unreachable', http_status: 503 } });
    expect(fallback.body.data.attempt).toMatchObject({ channel: 'call', trigger: 'failure' });
    await service.receiver.event('verification.attempt.sent', id);
  });

  it('counts a refused connection as not sent', async ({ service }) => {
    await service.sandbox.goDown();
    const { id } = await service.submit({ to: freshNumber(), workflow: ONE_TEXT });

    const { body } = await service.receiver.event('verification.failed', id);

    expect(body.data.verification).toMatchObject({ status: 'failed', reason: 'delivery_failed' });
    expect((await service.read(id)).attempts[0]).toMatchObject({
      tries: 5,
      error: { code: 'unreachable', http_status: null },
    });
  });
});

describe('a 429', () => {
  it('makes the attempt wait without counting the try against SEND_TRIES', async ({ service }) => {
    const to = freshNumber();
    const limited = { status: 429, headers: { 'retry-after': '0' } };
    service.sandbox.behave({ to }, [...Array<typeof limited>(8).fill(limited), 'accept']);
    const { id } = await service.submit({ to });

    const { body } = await service.receiver.event('verification.attempt.sent', id);

    expect(body.data.attempt).toMatchObject({ tries: 9, status: 'sent' });
  });

  it('pauses the whole channel when two numbers meet one within 10 s', async ({ service }) => {
    const [a, b, c] = [freshNumber(), freshNumber(), freshNumber()];
    for (const to of [a, b])
      service.sandbox.behave({ to, channel: 'sms' }, [{ status: 429, headers: { 'retry-after': '600' } }]);
    await service.submit({ to: a });
    await service.sandbox.nextRequest((request) => request.to === a);
    expect(await service.queues.sms.getRateLimitTtl()).toBeLessThanOrEqual(SECOND);

    await service.submit({ to: b });
    await expect.poll(() => service.queues.sms.getRateLimitTtl()).toBeGreaterThan(50 * SECOND);
    expect(await service.queues.sms.getRateLimitTtl()).toBeLessThanOrEqual(MINUTE);

    const { id } = await service.submit({ to: c, workflow: [{ channel: 'call' }] });
    await service.receiver.event('verification.attempt.sent', id);
    expect(service.sandbox.requests.filter((request) => request.operation === 'sms')).toHaveLength(2);
  });
});

describe('a try whose outcome is unknown', () => {
  it.for([
    ['a timeout', 'accept-then-hang'],
    ['a connection lost after the request was written', 'accept-then-cut'],
    ['a 500', { status: 500 }],
    ['a 502', { status: 502 }],
    ['a 408', { status: 408 }],
    ['a 2xx without an id', { status: 200, body: { success: true } }],
    ['a 2xx that is no JSON', { status: 200, raw: '<html>' }],
  ] as const)('gets one more attempt after %s', async ([, behaviour], { service }) => {
    const to = freshNumber();
    service.sandbox.behave({ to }, [behaviour, 'accept']);
    const { id } = await service.submit({ to });

    const unknown = await service.receiver.event('verification.attempt.unknown', id);
    await service.receiver.event('verification.attempt.sent', id);

    expect(unknown.body.data.attempt).toMatchObject({ tries: 1, error: { code: 'unknown_outcome' } });
    const v = await service.read(id);
    expect(v.attempts).toMatchObject([
      { step: 0, channel: 'sms', status: 'unknown', trigger: 'initial' },
      { step: 0, channel: 'sms', status: 'sent', trigger: 'unknown' },
    ]);
  });

  it('starts the next step after a second unknown', async ({ service }) => {
    const to = freshNumber();
    service.sandbox.behave({ to, channel: 'sms' }, () => ({ status: 500 }));
    const { id } = await service.submit({ to });

    const { body } = await service.receiver.event('verification.fallback', id);

    expect(body.data.attempt).toMatchObject({ channel: 'call', trigger: 'failure' });
    expect(service.sandbox.requests.filter((request) => request.operation === 'sms')).toHaveLength(2);
  });
});

describe('a refusal', () => {
  it.for([
    ['a 422', { status: 422, body: { errors: [{ code: 'not_routable', message: 'not routable', attribute: 'to' }] } }],
    ['a 400', { status: 400, body: { error: 'Bad Request' } }],
    ['a 2xx with success false', { status: 200, body: { id: 'x', success: false } }],
  ] as const)('starts the next step at once after %s', async ([, behaviour], { service }) => {
    const to = freshNumber();
    service.sandbox.behave({ to, channel: 'sms' }, [behaviour]);
    const { id } = await service.submit({ to });

    const failed = await service.receiver.event('verification.attempt.failed', id);
    const sent = await service.receiver.event('verification.attempt.sent', id);

    expect(failed.body.data.attempt).toMatchObject({
      tries: 1,
      error: { code: 'refused', http_status: behaviour.status },
    });
    expect(sent.body.data.attempt).toMatchObject({ channel: 'call', trigger: 'failure' });
    expect(sent.body.data.sequence).toBe(3); // failed, fallback, sent
  });

  it('of the account is reported as degraded', async ({ service }) => {
    const to = freshNumber();
    const refusal = { status: 422, body: { errors: [{ code: 'insufficient_balance', message: 'no money' }] } };
    service.sandbox.behave({ to, channel: 'sms' }, [refusal]);
    const { id } = await service.submit({ to });
    await service.receiver.event('verification.attempt.sent', id);

    await expect
      .poll(async () => (await service.call('GET', '/readyz')).body, { timeout: 5_000 })
      .toMatchObject({ status: 'ready', degraded: [{ channel: 'sms', code: 'account' }] });
  });

  it('of every step fails the verification', async ({ service }) => {
    const to = freshNumber();
    service.sandbox.behave({ to }, () => ({ status: 422, body: {} }));
    const { id } = await service.submit({ to });

    const { body } = await service.receiver.event('verification.failed', id);

    expect(body.data.verification).toMatchObject({ status: 'failed', reason: 'delivery_failed' });
  });
});

describe('a misconfigured account', () => {
  it.for([301, 401, 402, 403, 404, 405, 415])(
    'is tried again, uncounted, and reported after a %i',
    async (status, { service }) => {
      const to = freshNumber();
      service.sandbox.behave({ to }, [
        { status, ...(status === 301 && { headers: { location: '/elsewhere' } }) },
        'accept',
      ]);
      const { id } = await service.submit({ to, workflow: ONE_TEXT });

      await expect
        .poll(async () => (await service.read(id)).attempts[0]?.error)
        .toMatchObject({ code: 'misconfigured', http_status: status });
      expect((await service.call('GET', '/readyz')).status).toBe(200);
      await expect
        .poll(async () => (await service.call('GET', '/readyz')).body['degraded'], { timeout: 5_000 })
        .toMatchObject([{ channel: 'sms', code: 'misconfigured' }]);

      await service.advance(30 * SECOND);
      const { body } = await service.receiver.event('verification.attempt.sent', id);
      expect(body.data.attempt).toMatchObject({ tries: 2 });
    },
  );

  it('fails the verification as such when time runs out', async ({ service }) => {
    const to = freshNumber();
    service.sandbox.behave({ to }, () => ({ status: 401 }));
    const { id } = await service.submit({ to, workflow: ONE_TEXT, expires_in: 60 });
    await expect.poll(async () => (await service.read(id)).attempts[0]?.error?.code).toBe('misconfigured');

    await service.advance(61 * SECOND);

    const { body } = await service.receiver.event('verification.failed', id);
    expect(body.data.verification).toMatchObject({ reason: 'provider_misconfigured' });
    expect((await service.read(id)).attempts[0]).toMatchObject({ status: 'skipped', error: { code: 'misconfigured' } });
  });
});

describe('the send limit', () => {
  it('skips the steps that would exceed MAX_SENDS', async () => {
    const service = await startService({ env: { MAX_SENDS: '2' } });
    onTestFinished(() => service.close());
    const to = freshNumber();
    service.sandbox.behave({ to, channel: 'sms' }, () => ({ status: 500 }));
    const { id } = await service.submit({ to });

    await service.receiver.event('verification.failed', id);

    expect((await service.read(id)).attempts.at(-1)).toMatchObject({
      channel: 'call',
      status: 'skipped',
      error: { code: 'send_limit' },
    });
    expect(service.sandbox.requests).toHaveLength(2);
  });
});

describe('two workers', () => {
  it('share one rate limit', async () => {
    const service = await startService({ env: { CALL_RATE_PER_SECOND: '2' }, workers: 2 });
    onTestFinished(() => service.close());
    const redis = new Redis(String(service.env['REDIS_URL']));
    onTestFinished(() => redis.disconnect());
    const ids = await Promise.all(
      Array.from(
        { length: 8 },
        async () => (await service.submit({ to: freshNumber(), workflow: [{ channel: 'call' }] })).id,
      ),
    );

    await Promise.all(ids.map((id) => service.receiver.event('verification.attempt.sent', id)));

    const times = service.sandbox.requests.map((request) => request.at).sort((x, y) => x - y);
    // a window of 1 s lets 2 through, so no 5 requests can lie within less than one whole window
    for (let i = 4; i < times.length; i++) expect((times[i] ?? 0) - (times[i - 4] ?? 0)).toBeGreaterThanOrEqual(900);
  });
});
