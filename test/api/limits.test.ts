import { pino } from 'pino';
import { describe, expect, onTestFinished } from 'vitest';
import { startApi } from '../../src/api/start-api.ts';
import { loadConfig } from '../../src/shared/config.ts';
import { createKeys } from '../../src/shared/keys.ts';
import {
  API_KEY,
  everythingIn,
  freshNumber,
  it,
  MINUTE,
  OTHER_API_KEY,
  SECOND,
  type Service,
  type ServiceOptions,
  startService,
} from '../fixtures.ts';

const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const OFF = {
  LIMIT_NUMBER_COOLDOWN: 'off',
  LIMIT_NUMBER: 'off',
  LIMIT_NUMBER_TOTAL: 'off',
  LIMIT_NUMBER_API_KEY: 'off',
  LIMIT_CLIENT_IP: 'off',
  LIMIT_PREFIX: 'off',
  LIMIT_COUNTRY: 'off',
};

async function serviceWith(env: Record<string, string>, options: ServiceOptions = {}): Promise<Service> {
  const service = await startService({ workers: 0, ...options, env });
  onTestFinished(() => service.close());
  return service;
}

/** All limits as they are without any configuration. */
const withDefaults = (options?: ServiceOptions) => serviceWith({ LIMIT_NUMBER_COOLDOWN: '' }, options);
/** No limit but those named. */
const withOnly = (env: Record<string, string>, options?: ServiceOptions) => serviceWith({ ...OFF, ...env }, options);

const submit = (service: Service, body: Record<string, unknown>, headers?: Record<string, string>) =>
  service.call('POST', '/v1/verifications', { if_active: 'replace', ...body }, headers);

/** The statuses of submissions made one after the other. */
async function statuses(service: Service, bodies: readonly Record<string, unknown>[]): Promise<number[]> {
  const found: number[] = [];
  for (const body of bodies) found.push((await submit(service, body)).status);
  return found;
}

const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const otherKey = { authorization: `Bearer ${OTHER_API_KEY}` };
const counted = (service: Service, limit: string) =>
  service.redis
    .keys(`*:limit:${limit}:*`)
    .then(async (keys) => Promise.all(keys.map((key) => service.redis.zcard(key))));
const codeFor = (service: Service, to: string) => service.sandbox.messages(to).at(-1)?.code ?? 'none';

describe('the limits of one number, as they come', () => {
  it('let one number through the whole course of a verification', async () => {
    const service = await withDefaults({ workers: 1 });
    const to = '+14045550123';
    const { id } = await service.submit({ to });
    expect((await service.call('POST', '/v1/verifications', { to })).status).toBe(409);
    expect((await service.call('POST', '/v1/verifications', { to, if_active: 'return' })).status).toBe(200);
    const replacement = await service.submit({ to, if_active: 'replace' });
    expect((await service.read(id)).reason).toBe('replaced');
    await service.receiver.event('verification.attempt.sent', replacement.id);

    expect((await service.call('POST', `/v1/verifications/${replacement.id}/attempts`, {})).status).toBe(202);
    expect((await service.check(replacement.id, '000000')).status).toBe(200);
    const code = codeFor(service, to);
    expect((await service.check(replacement.id, code)).body).toMatchObject({ approved: true });
    // two submissions and one attempt; neither the conflict nor the return
    expect(await counted(service, 'number')).toEqual([3]);
    expect(await counted(service, 'number-cooldown')).toEqual([2]);
    expect(await counted(service, 'failed-checks')).toEqual([1]);
  });

  it('keep 30 s between two submissions', async () => {
    const service = await withDefaults();
    const to = freshNumber();
    const { id } = await service.submit({ to });
    await service.call('POST', `/v1/verifications/${id}/cancel`);

    const early = await service.call('POST', '/v1/verifications', { to });
    expect(early.body).toMatchObject({ status: 429, code: 'rate-limited', limit: 'number-cooldown' });
    expect(early.headers.get('retry-after')).toBe('30');
    service.clock.advance(30 * SECOND);
    expect((await service.call('POST', '/v1/verifications', { to })).status).toBe(202);
  });

  it('let 5 through in 10 minutes and 10 in a day', async () => {
    const service = await withDefaults();
    const to = freshNumber();
    const first = await statuses(
      service,
      times(6, () => ({ to })),
    );
    expect(first).toEqual([202, 202, 202, 202, 202, 429]);
    service.clock.advance(10 * MINUTE);
    const second = await statuses(
      service,
      times(6, () => ({ to })),
    );
    expect(second).toEqual([202, 202, 202, 202, 202, 429]);
    service.clock.advance(10 * MINUTE);

    const refused = await submit(service, { to });
    expect(refused.body).toMatchObject({ code: 'rate-limited', limit: 'number' });
    const wait = Number(refused.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(23 * 3_600);
    expect(wait).toBeLessThan(24 * 3_600);
    service.clock.advance((wait - 1) * SECOND);
    expect((await submit(service, { to })).status).toBe(429);
    service.clock.advance(SECOND);
    expect((await submit(service, { to })).status).toBe(202);
  });

  it('take exactly what they allow from 50 submissions at once', async () => {
    const service = await withOnly({ LIMIT_NUMBER: '5/10m' });
    const to = freshNumber();
    const answers = await Promise.all(times(50, () => submit(service, { to })));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(45);
    expect(await counted(service, 'number')).toEqual([5]);
  });

  it('hold over two processes, and what one of them could not store does not count', async () => {
    const service = await withDefaults();
    const second = await startApi(loadConfig(service.env, 'api'), pino({ level: 'silent' }), { clock: service.clock });
    onTestFinished(() => second.close());
    const ask = async (port: number, body: Record<string, unknown>) => {
      const response = await fetch(`http://127.0.0.1:${port}/v1/verifications`, {
        method: 'POST',
        headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return response.status;
    };
    const both = async (body: Record<string, unknown>) =>
      Promise.all(times(50, (i) => ask(i % 2 ? second.port : service.api.port, body)));

    const conflicts = await both({ to: freshNumber() });
    expect(conflicts.filter((status) => status === 202)).toHaveLength(1);
    expect(conflicts.filter((status) => status === 409).length).toBeGreaterThan(24);
    expect(await counted(service, 'number')).toEqual([1]);

    await service.redis.flushdb();
    const replacements = await both({ to: freshNumber(), if_active: 'replace' });
    const taken = replacements.filter((status) => status === 202).length;
    expect(taken).toBeGreaterThan(0);
    expect(await counted(service, 'number')).toEqual([taken]);
    expect(taken).toBeLessThanOrEqual(5);
  });

  it('count requested attempts, but no fallback and no retry', async () => {
    const service = await withOnly({ LIMIT_NUMBER: '2/10m' }, { workers: 1 });
    const to = freshNumber();
    const { id } = await service.submit({ to, workflow: [{ channel: 'sms', timeout: 5 }, { channel: 'call' }] });
    await service.receiver.event('verification.attempt.sent', id);
    await service.advance(5 * SECOND);
    await service.receiver.first(
      (d) => d.body.data.attempt?.trigger === 'timeout' && d.body.data.attempt.status === 'sent',
    );
    expect(await counted(service, 'number')).toEqual([1]);

    service.clock.advance(30 * SECOND);
    const path = `/v1/verifications/${id}/attempts`;
    expect((await service.call('POST', path, { channel: 'sms' })).status).toBe(202);
    await service.receiver.first(
      (d) => d.body.data.attempt?.trigger === 'request' && d.body.data.attempt.status === 'sent',
    );
    expect((await service.call('POST', path, { channel: 'sms' })).body['code']).toBe('cooldown');
    service.clock.advance(30 * SECOND);
    const refused = await service.call('POST', path, { channel: 'sms' });
    expect(refused.body).toMatchObject({ status: 429, code: 'rate-limited', limit: 'number' });
    expect((await service.read(id)).attempts).toHaveLength(3);
    expect(await counted(service, 'number')).toEqual([2]);
  });
});

describe('a stranger', () => {
  it('at another address uses up an allowance of their own', async () => {
    const service = await withDefaults();
    const to = freshNumber();
    const stranger = await statuses(
      service,
      times(6, () => ({ to, client_ip: '203.0.113.66' })),
    );
    expect(stranger).toEqual([202, 202, 202, 202, 202, 429]);
    expect((await submit(service, { to, client_ip: '198.51.100.7' })).status).toBe(202);
  });

  it('at many addresses does not lock out an owner who was approved from theirs', async () => {
    const service = await withDefaults({ workers: 1 });
    const to = freshNumber();
    const owner = { to, client_ip: '2001:db8:1:2::1' };
    const { id } = await service.submit(owner);
    await service.receiver.event('verification.attempt.sent', id);
    await service.check(id, codeFor(service, to));
    service.clock.advance(DAY);

    const strangers = await statuses(
      service,
      times(12, (i) => ({ to, client_ip: `203.0.113.${i}` })),
    );
    expect(strangers).toEqual([...Array(10).fill(202), 429, 429]);
    // another address of the same customer's /64
    expect(
      await statuses(
        service,
        times(6, () => ({ to, client_ip: '2001:db8:1:2:ffff::9' })),
      ),
    ).toEqual([202, 202, 202, 202, 202, 429]);
    expect(await counted(service, 'number-total')).toEqual([10]); // the owner's do not count there
    expect((await submit(service, { to, client_ip: '2001:db8:1:3::1' })).body).toMatchObject({ limit: 'number-total' });

    service.clock.advance(29 * DAY); // 30 days after the approval the address is a stranger's again
    for (const client_ip of times(10, (i) => `203.0.113.${i}`)) await submit(service, { to, client_ip });
    expect((await submit(service, owner)).body).toMatchObject({ limit: 'number-total' });
  });

  it('who enters wrong codes uses up checks of their own', async () => {
    const service = await withOnly({ LIMIT_FAILED_CHECKS: '2/d', LIMIT_FAILED_CHECKS_TOTAL: '100/d' }, { workers: 1 });
    const to = freshNumber();
    const stranger = await service.submit({ to, client_ip: '203.0.113.66' });
    await service.receiver.event('verification.attempt.sent', stranger.id);
    expect((await service.check(stranger.id, '000000')).status).toBe(200);
    expect((await service.check(stranger.id, '000000')).status).toBe(200);
    const refused = await service.check(stranger.id, codeFor(service, to));
    expect(refused.body).toMatchObject({ status: 429, code: 'rate-limited', limit: 'failed-checks' });
    expect((await service.read(stranger.id)).checks.used).toBe(2);
    expect((await submit(service, { to, client_ip: '203.0.113.66' })).body).toMatchObject({ limit: 'failed-checks' });

    const owner = await service.submit({ to, client_ip: '198.51.100.7', if_active: 'replace' });
    await service.receiver.event('verification.attempt.sent', owner.id);
    expect((await service.check(owner.id, codeFor(service, to))).body).toMatchObject({ approved: true });
  });

  it('at many addresses cannot go on guessing', async () => {
    const service = await withOnly({ LIMIT_FAILED_CHECKS_TOTAL: '2/d' }, { workers: 1 });
    const to = freshNumber();
    for (const client_ip of ['203.0.113.1', '203.0.113.2']) {
      const { id } = await service.submit({ to, client_ip, if_active: 'replace' });
      await service.receiver.event('verification.attempt.sent', id);
      expect((await service.check(id, '000000')).status).toBe(200);
    }
    expect((await submit(service, { to, client_ip: '203.0.113.3' })).body).toMatchObject({
      limit: 'failed-checks-total',
    });
    service.clock.advance(DAY);
    expect((await submit(service, { to, client_ip: '203.0.113.3' })).status).toBe(202);
  });
});

describe('the other limits', () => {
  const address = '198.51.100.7';
  const user = { user: 'somebody@client.example' };
  it.each([
    ['number-api-key', { LIMIT_NUMBER_API_KEY: '2/h' }, (to: string) => ({ to }), () => ({ to: freshNumber() })],
    ['number-total', { LIMIT_NUMBER_TOTAL: '2/h' }, (to: string) => ({ to }), () => ({ to: freshNumber() })],
    [
      'client-ip',
      { LIMIT_CLIENT_IP: '2/h' },
      () => ({ to: freshNumber(), client_ip: address }),
      () => ({ to: freshNumber(), client_ip: '198.51.100.8' }),
    ],
    ['prefix', { LIMIT_PREFIX: '2/h' }, () => ({ to: freshNumber() }), () => ({ to: '+13035552001' })],
    ['country', { LIMIT_COUNTRY: '2/h' }, () => ({ to: freshNumber() }), () => ({ to: '+447700900123' })],
    ['country', { LIMIT_COUNTRY: 'off;US=2/h' }, () => ({ to: freshNumber() }), () => ({ to: '+447700900123' })],
    [
      'key:user',
      { LIMIT_KEYS: 'off;user=2/h' },
      () => ({ to: freshNumber(), rate_limit_keys: user }),
      () => ({ to: freshNumber(), rate_limit_keys: { user: 'other' } }),
    ],
  ])('%s with %j holds at its edge and after its window', async (limit, env, body, other) => {
    const service = await withOnly(env);
    const to = freshNumber();
    expect(
      await statuses(
        service,
        times(2, () => body(to)),
      ),
    ).toEqual([202, 202]);
    const refused = await submit(service, body(to));
    expect(refused.body).toMatchObject({ status: 429, code: 'rate-limited', limit });
    expect((await submit(service, other())).status).toBe(202);
    service.clock.advance(Number(refused.headers.get('retry-after')) * SECOND);
    expect((await submit(service, body(to))).status).toBe(202);

    const watching = await withOnly(
      Object.fromEntries(Object.entries(env).map(([name, value]) => [name, monitored(value)])),
      {
        workers: 0,
      },
    );
    expect(
      await statuses(
        watching,
        times(3, () => body(to)),
      ),
    ).toEqual([202, 202, 202]);
    expect(await counted(watching, limit)).toEqual([2]);
  });

  it('holds an API key to its rate, and that one only', async () => {
    const service = await withOnly({ LIMIT_API_KEY: 'off;test=2/s,3/d' });
    const bodies = times(3, () => ({ to: freshNumber() }));
    expect(await statuses(service, bodies)).toEqual([202, 202, 429]);
    expect((await submit(service, { to: freshNumber() }, otherKey)).status).toBe(202);
    service.clock.advance(SECOND);
    expect(
      await statuses(
        service,
        times(2, () => ({ to: freshNumber() })),
      ),
    ).toEqual([202, 429]);
  });

  it('counts an IPv6 customer as one and an IPv4 neighbour as another', async () => {
    const service = await withOnly({ LIMIT_CLIENT_IP: '1/h' });
    const from = (client_ip: string) => ({ to: freshNumber(), client_ip });
    expect(
      await statuses(service, [
        from('2001:db8:0:1::1'),
        from('2001:DB8:0:1:aaaa:bbbb:cccc:dddd'),
        from('2001:db8:0:2::1'),
        from('192.0.2.1'),
        from('::ffff:192.0.2.1'),
        from('192.0.2.2'),
      ]),
    ).toEqual([202, 429, 202, 202, 429, 202]);
  });

  it('refuses what is no address, with a pointer', async ({ service }) => {
    const { status, body } = await submit(service, { to: freshNumber(), client_ip: '10.0.0.256' });
    expect([status, body['errors']]).toMatchObject([422, [{ pointer: '/client_ip' }]]);
  });

  it('leaves keys without a limit alone', async () => {
    const service = await withOnly({ LIMIT_KEYS: 'off;user=1/h' });
    expect(
      await statuses(
        service,
        times(2, () => ({ to: freshNumber(), rate_limit_keys: { device: 'd' } })),
      ),
    ).toEqual([202, 202]);
  });

  it('lets 50 checks at once meet the limit of checks only', async () => {
    const service = await withDefaults({ workers: 1 });
    const { id } = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', id);
    const answers = await Promise.all(times(50, () => service.check(id, '000000')));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const codes = new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body.code));
    expect([...codes].every((code) => ['checks-in-flight', 'verification-closed'].includes(code))).toBe(true);
    expect(await counted(service, 'failed-checks')).toEqual([5]);
  });

  it('holds the checks of one verification to a rate', async () => {
    const service = await withOnly({ LIMIT_CHECKS: '2/s' }, { workers: 1 });
    const { id } = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', id);
    expect((await service.check(id, '000000')).status).toBe(200);
    expect((await service.check(id, '000000')).status).toBe(200);
    const refused = await service.check(id, '000000');
    expect(refused.body).toMatchObject({ status: 429, code: 'rate-limited', limit: 'checks' });
    service.clock.advance(SECOND);
    expect((await service.check(id, '000000')).body.checks).toEqual({ used: 3, max: 5 });
  });
});

describe('the demo', () => {
  const play = (service: Service) =>
    service.call('POST', '/demo/api/verifications', { to: freshNumber(), channel: 'sms' }, { origin: service.url });

  it('counts for the address of its visitor', async () => {
    const service = await withOnly({ LIMIT_CLIENT_IP: '1/h', DEMO: 'true' });
    expect((await play(service)).status).toBe(202);
    expect((await play(service)).body).toMatchObject({ limit: 'client-ip' });
  });

  it('has no limits with the sandbox', async () => {
    const RINGBACK_SANDBOX_URL = 'http://127.0.0.1:1';
    const service = await withOnly({ LIMIT_CLIENT_IP: '1/h', DEMO: 'true', RINGBACK_SANDBOX_URL });
    expect((await play(service)).status).toBe(202);
    expect((await play(service)).status).toBe(202);
    expect(await service.redis.keys('*:limit:*')).toEqual([]);
  });
});

describe('a request that is refused', () => {
  it('leaves nothing behind but the decision', async () => {
    const service = await withOnly({ LIMIT_NUMBER: '1/h', LIMIT_CLIENT_IP: '9/h', LIMIT_API_KEY: '9/h' });
    const to = freshNumber();
    const { id } = await service.submit({ to, client_ip: '198.51.100.7' });
    const before = await everythingIn(service.redis);

    const refused = await submit(service, { to, client_ip: '198.51.100.7', if_active: 'replace' });
    expect(refused.body).toMatchObject({ limit: 'number' });
    await expect.poll(() => service.redis.del(createKeys().decisions, createKeys().decisionsOf('test'))).toBe(2);
    expect(await everythingIn(service.redis)).toBe(before);
    expect(await service.read(id)).toMatchObject({ status: 'queued', reason: null });
  });

  it('counts for nothing when it is a conflict, a return, invalid, blocked or a replay', async () => {
    const service = await withOnly({ LIMIT_API_KEY: '2/h' });
    const to = freshNumber();
    const key = { 'idempotency-key': 'once' };
    const ask = (body: Record<string, unknown>, headers = {}) =>
      service.call('POST', '/v1/verifications', body, headers);
    expect((await ask({ to }, key)).status).toBe(202);
    expect((await ask({ to }, key)).headers.get('idempotency-replayed')).toBe('true');
    expect((await ask({ to })).status).toBe(409);
    expect((await ask({ to, if_active: 'return' })).status).toBe(200);
    expect((await ask({ to: 'nonsense' })).status).toBe(422);
    expect((await ask({ to: '+18762000000' })).body).toMatchObject({ status: 'blocked' });
    expect(await counted(service, 'api-key')).toEqual([1]);
    expect((await ask({ to: freshNumber() })).status).toBe(202);
    // what is blocked is told so even when nothing is left
    expect((await ask({ to: '+18762000000' })).status).toBe(202);
    expect((await ask({ to: freshNumber() })).status).toBe(429);
  });

  it('counts once for an attempt that is repeated with its key', async () => {
    const service = await withOnly({ LIMIT_API_KEY: '9/h' }, { workers: 1 });
    const { id } = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', id);
    const headers = { 'idempotency-key': 'again' };
    const ask = () => service.call('POST', `/v1/verifications/${id}/attempts`, {}, headers);
    const first = await ask();
    expect([first.status, first.headers.get('ratelimit')]).toEqual([202, expect.stringContaining('"api-key:1h";r=7;')]);
    await service.redis.del(...(await service.redis.keys('*:idempotency:*'))); // the answer was lost
    expect((await ask()).status).toBe(202);
    expect(await counted(service, 'api-key')).toEqual([2]);
  });

  it('tells the tightest limit by name, and what is left in the headers', async () => {
    const service = await withOnly({ LIMIT_NUMBER: '1/10m,2/d', LIMIT_API_KEY: '100/m', LIMIT_PREFIX: '9/h' });
    const to = freshNumber();
    const taken = await submit(service, { to });
    expect(taken.headers.get('ratelimit-policy')).toBe(
      '"number:10m";q=1;w=600, "number:1d";q=2;w=86400, "api-key:1m";q=100;w=60',
    );
    expect(taken.headers.get('ratelimit')).toBe(
      '"number:10m";r=0;t=600, "number:1d";r=1;t=86400, "api-key:1m";r=99;t=60',
    );
    const refused = await submit(service, { to });
    const wait = Number(refused.headers.get('retry-after'));
    expect(refused.headers.get('ratelimit')).toContain(`"number:10m";r=0;t=${wait}, "number:1d";r=1;`);
    expect(refused.headers.get('ratelimit')).toContain('"api-key:1m";r=99;');
    expect(JSON.stringify(refused.body)).not.toContain(to);
  });

  it('is told by the metrics, and so is one that is only watched', async () => {
    const service = await withOnly({ LIMIT_NUMBER: '1/h', LIMIT_PREFIX: 'monitor:1/h', METRICS_PORT: '0' });
    const to = freshNumber();
    expect(await statuses(service, [{ to }, { to: freshNumber() }, { to }])).toEqual([202, 202, 429]);
    const metrics = await (await fetch(`http://127.0.0.1:${service.api.metricsPort}/metrics`)).text();
    expect(metrics).toMatch(/^ringback_limits_hit_total\{limit="number",mode="enforce",process="api"\} 1$/m);
    expect(metrics).toMatch(/^ringback_limits_hit_total\{limit="prefix",mode="monitor",process="api"\} 2$/m);
  });

  it('is written down, with the number masked', async () => {
    const service = await withOnly({ LIMIT_NUMBER: '1/h', LIMIT_PREFIX: 'monitor:1/h' });
    const to = freshNumber();
    await statuses(service, [{ to }, { to }]);
    const entries = service.logged.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'audit');
    expect(entries).toMatchObject([
      {
        actor: 'api-key:test',
        action: 'request.limited',
        data: { rule: 'number', mode: 'enforce', detail: '1 of 1 in 1h' },
      },
      { actor: 'api-key:test', action: 'request.limited', data: { rule: 'prefix', mode: 'monitor' } },
    ]);
    expect(entries.map(({ subject }) => subject)).toEqual(Array(2).fill(`+1••••••••${to.slice(-2)}`));
  });

  it('keeps neither the number nor the address nor the value of a key in Redis keys', async () => {
    const service = await withDefaults();
    const to = freshNumber();
    const rate_limit_keys = { user: 'somebody@client.example' };
    await service.submit({ to, client_ip: '198.51.100.77', rate_limit_keys });
    const everything = await everythingIn(service.redis);
    expect((await service.redis.keys('*')).join()).not.toContain(to.slice(1));
    expect(everything).not.toContain('198.51.100.77');
    expect(everything).not.toContain('somebody@');
    for (const key of await service.redis.keys('*:limit:*'))
      expect([key, await service.redis.pttl(key)]).not.toEqual([key, -1]);
  });
});

/** The same limits, watched only. */
function monitored(text: string): string {
  return text.replaceAll(/(^|[;=])(\d)/g, '$1monitor:$2');
}
