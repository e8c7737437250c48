import { describe, expect, onTestFinished } from 'vitest';
import { freshNumber, it, OTHER_API_KEY, startService } from '../fixtures.ts';

const TO = '+14045550123';

interface Problem {
  code: string;
  errors: { pointer: string; code: string; detail: string }[];
  [member: string]: unknown;
}

describe('submitting a verification', () => {
  it('answers 202 with the verification, its address and the defaults', async ({ service }) => {
    const answer = await service.call('POST', '/v1/verifications', { to: TO });

    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`/v1/verifications/${answer.body['id']}`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toMatchObject({
      id: expect.stringMatching(/^ver_[0-9a-f]{2}[0-9a-f]+$/),
      object: 'verification',
      status: 'queued',
      reason: null,
      to: TO,
      reference: null,
      metadata: {},
      workflow: [{ channel: 'sms', timeout: 45 }, { channel: 'call' }],
      current_step: 0,
      attempts: [
        { step: 0, channel: 'sms', status: 'queued', trigger: 'initial', tries: 0, error: null, sent_at: null },
      ],
      next_attempt: null,
      checks: { used: 0, max: 5 },
      closed_at: null,
    });
    const { created_at, expires_at } = answer.body as Record<string, string>;
    expect(Date.parse(expires_at ?? '') - Date.parse(created_at ?? '')).toBe(600_000);
  });

  it('takes every field', async ({ service }) => {
    const body = {
      to: TO,
      workflow: [{ channel: 'call', timeout: 5 }, { channel: 'sms', timeout: 900 }, { channel: 'call' }],
      from: '+12029167968',
      message: 'Your Acme code is:',
      code_length: 8,
      code_type: 'alphanumeric',
      expires_in: 86_400,
      max_checks: 10,
      callback_url: service.receiver.url,
      reference: 'login-8812',
      metadata: { user: '42' },
      client_ip: '2001:db8::1',
      rate_limit_keys: { session: 'a', device: 'b' },
    };
    const answer = await service.call('POST', '/v1/verifications', body);

    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      workflow: body.workflow,
      reference: 'login-8812',
      metadata: { user: '42' },
      checks: { max: 10 },
    });
    const { body: request } = await service.sandbox.nextRequest((r) => r.to === TO);
    expect(request).toMatchObject({
      from: '+12029167968',
      message: 'Your Acme code is:',
      token_length: 8,
      max_attempts: 12,
    });
  });

  it.for<[why: string, pointer: string, code: string | undefined, body: Record<string, unknown>]>([
    ['a missing number', '/to', 'required', {}],
    ['a number that is no string', '/to', 'invalid-type', { to: 14045550123 }],
    ['a number in another form', '/to', undefined, { to: '(404) 555-0123' }],
    ['an impossible number', '/to', undefined, { to: '+1404555' }],
    ['an unknown field', '/nummer', 'unknown-field', { to: TO, nummer: 1 }],
    [
      'an unknown field of a step',
      '/workflow/0/delay',
      'unknown-field',
      { to: TO, workflow: [{ channel: 'sms', delay: 3 }] },
    ],
    ['an empty workflow', '/workflow', 'out-of-range', { to: TO, workflow: [] }],
    ['five steps', '/workflow', 'out-of-range', { to: TO, workflow: Array(5).fill({ channel: 'sms' }) }],
    ['an unknown channel', '/workflow/0/channel', 'invalid-value', { to: TO, workflow: [{ channel: 'voice' }] }],
    [
      'a step timeout of 4 s',
      '/workflow/0/timeout',
      'out-of-range',
      { to: TO, workflow: [{ channel: 'sms', timeout: 4 }] },
    ],
    [
      'a step timeout of 901 s',
      '/workflow/0/timeout',
      'out-of-range',
      { to: TO, workflow: [{ channel: 'sms', timeout: 901 }] },
    ],
    [
      'a fractional timeout',
      '/workflow/0/timeout',
      undefined,
      { to: TO, workflow: [{ channel: 'sms', timeout: 5.5 }] },
    ],
    ['a code of 3', '/code_length', 'out-of-range', { to: TO, code_length: 3 }],
    ['a code of 21', '/code_length', 'out-of-range', { to: TO, code_length: 21 }],
    ['an unknown code type', '/code_type', 'invalid-value', { to: TO, code_type: 'hex' }],
    ['a life of 59 s', '/expires_in', 'out-of-range', { to: TO, expires_in: 59 }],
    ['a life of 86401 s', '/expires_in', 'out-of-range', { to: TO, expires_in: 86_401 }],
    ['no checks', '/max_checks', 'out-of-range', { to: TO, max_checks: 0 }],
    ['eleven checks', '/max_checks', 'out-of-range', { to: TO, max_checks: 11 }],
    ['four checks of five digits', '/max_checks', 'out-of-range', { to: TO, code_length: 5, max_checks: 4 }],
    ['a message without a sender', '/from', 'required', { to: TO, message: 'Your Acme code is:' }],
    ['a placeholder in the message', '/message', undefined, { to: TO, from: TO, message: 'Code {code}' }],
    ['a message of two segments', '/message', undefined, { to: TO, from: TO, message: 'x'.repeat(154) }],
    [
      'a message of two segments with the code',
      '/message',
      undefined,
      { to: TO, from: TO, message: 'x'.repeat(150), code_length: 10 },
    ],
    ['a sender in another form', '/from', undefined, { to: TO, from: '2029167968' }],
    ['a callback that is no address', '/callback_url', undefined, { to: TO, callback_url: 'nowhere' }],
    [
      'a callback over http to a public host',
      '/callback_url',
      undefined,
      { to: TO, callback_url: 'http://203.0.113.9/x' },
    ],
    ['a callback to a private address', '/callback_url', undefined, { to: TO, callback_url: 'https://10.0.0.8/x' }],
    ['a callback with user info', '/callback_url', undefined, { to: TO, callback_url: 'https://a:b@example.com/' }],
    ['a callback with a fragment', '/callback_url', undefined, { to: TO, callback_url: 'https://example.com/#x' }],
    ['a long reference', '/reference', 'out-of-range', { to: TO, reference: 'r'.repeat(129) }],
    [
      'seventeen pairs of metadata',
      '/metadata',
      undefined,
      { to: TO, metadata: Object.fromEntries([...Array(17).keys()].map((i) => [`k${i}`, 'v'])) },
    ],
    ['metadata over 2 KB', '/metadata', undefined, { to: TO, metadata: { k: 'v'.repeat(2_100) } }],
    ['metadata that is no string', '/metadata/k', 'invalid-type', { to: TO, metadata: { k: 1 } }],
    ['a client address that is none', '/client_ip', undefined, { to: TO, client_ip: '1.2.3' }],
    [
      'six rate limit keys',
      '/rate_limit_keys',
      undefined,
      { to: TO, rate_limit_keys: { a: '1', b: '1', c: '1', d: '1', e: '1', f: '1' } },
    ],
    ['an unknown if_active', '/if_active', 'invalid-value', { to: TO, if_active: 'ignore' }],
  ])('refuses %s by name', async ([, pointer, code, body], { service }) => {
    const answer = await service.call<Problem>('POST', '/v1/verifications', body);

    expect(answer.status).toBe(422);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({ type: '/problems/invalid-request', code: 'invalid-request', status: 422 });
    const error = answer.body.errors.find((e) => e.pointer === pointer);
    expect(error, JSON.stringify(answer.body.errors)).toMatchObject({ pointer, ...(code && { code }) });
    expect(await service.redis.exists('{ringback:0}:due')).toBe(0);
  });

  it('names all wrong fields at once', async ({ service }) => {
    const { body } = await service.call<Problem>('POST', '/v1/verifications', { to: 'x', code_length: 3, extra: true });

    expect(body.errors.map((e) => e.pointer).sort()).toEqual(['/code_length', '/extra', '/to']);
  });

  it('says the corrected number when it can be derived', async ({ service }) => {
    const { body } = await service.call<Problem>('POST', '/v1/verifications', { to: '+1 (404) 555-0123' });

    expect(body.errors[0]?.detail).toContain('+14045550123');
  });

  it('allows 3 checks for short codes unless fewer are asked for', async ({ service }) => {
    expect(await service.submit({ to: TO, code_length: 4 })).toMatchObject({ checks: { max: 3 } });
  });

  it('refuses a callback_url that could not be signed', async () => {
    const service = await startService({ env: { CALLBACK_SECRET: '', CALLBACK_URL: '' } });
    onTestFinished(() => service.close());
    const { status, body } = await service.call<Problem>('POST', '/v1/verifications', {
      to: TO,
      callback_url: 'https://example.com/',
    });

    expect(status).toBe(422);
    expect(body.errors[0]).toMatchObject({
      pointer: '/callback_url',
      detail: expect.stringContaining('CALLBACK_SECRET'),
    });
  });

  it('never takes more steps than MAX_SENDS', async () => {
    const service = await startService({ env: { MAX_SENDS: '2' } });
    onTestFinished(() => service.close());
    const { status } = await service.call('POST', '/v1/verifications', {
      to: TO,
      workflow: Array(3).fill({ channel: 'sms' }),
    });

    expect(status).toBe(422);
  });

  it('blocks a number of a country that is not allowed, and sends nothing', async () => {
    const service = await startService({ env: { COUNTRIES: 'US' } });
    onTestFinished(() => service.close());
    const { status, body } = await service.call('POST', '/v1/verifications', { to: '+447700900123' });

    expect(status).toBe(202);
    expect(body).toMatchObject({ status: 'blocked', reason: 'country_not_allowed', attempts: [] });
    const event = await service.receiver.event('verification.blocked', String(body['id']));
    expect(event.body.data.sequence).toBe(1);
    expect(service.sandbox.requests).toHaveLength(0);
  });
});

describe('a second verification for the number', () => {
  it('is refused with the id of the open one', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to });
    const { status, body } = await service.call('POST', '/v1/verifications', { to });

    expect(status).toBe(409);
    expect(body).toMatchObject({ code: 'verification-active', verification_id: id });
  });

  it('may return the open one', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to });
    const { status, body } = await service.call('POST', '/v1/verifications', { to, if_active: 'return' });

    expect(status).toBe(200);
    expect(body['id']).toBe(id);
  });

  it('may replace it', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to });
    const second = await service.submit({ to, if_active: 'replace' });

    expect(second.id).not.toBe(id);
    expect(await service.read(id)).toMatchObject({ status: 'canceled', reason: 'replaced' });
  });

  it('may be replaced by many at once: each is taken, and the last one stays', async () => {
    const off = { LIMIT_NUMBER: 'off', LIMIT_NUMBER_TOTAL: 'off', LIMIT_NUMBER_API_KEY: 'off' };
    const service = await startService({ env: off });
    onTestFinished(() => service.close());
    const to = freshNumber();
    const body = { to, if_active: 'replace' };
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => service.call('POST', '/v1/verifications', body)),
    );

    expect(answers.map((a) => a.status)).toEqual(Array(50).fill(202));
    const statuses = await Promise.all(answers.map(async (a) => (await service.read(String(a.body['id']))).status));
    expect(statuses.filter((status) => status !== 'canceled')).toHaveLength(1);
  });

  it('is free once the first is closed, or has expired unnoticed', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to });
    await service.call('POST', `/v1/verifications/${id}/cancel`);
    const second = await service.submit({ to });
    service.clock.advance(601_000);
    expect((await service.submit({ to })).id).not.toBe(second.id);
  });

  it('does not concern another key name', async ({ service }) => {
    const to = freshNumber();
    await service.submit({ to });
    const { status } = await service.call(
      'POST',
      '/v1/verifications',
      { to },
      { authorization: `Bearer ${OTHER_API_KEY}` },
    );

    expect(status).toBe(202);
  });

  it('is one, however many are submitted at once', async ({ service }) => {
    const to = freshNumber();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.call('POST', '/v1/verifications', { to })),
    );

    expect(answers.map((a) => a.status).filter((status) => status === 202)).toHaveLength(1);
    expect(answers.filter((a) => a.status !== 202).every((a) => a.status === 409)).toBe(true);
  });
});
