import { describe, expect, onTestFinished } from 'vitest';
import {
  API_KEY,
  freshNumber,
  it,
  MINUTE,
  OTHER_API_KEY,
  type Service,
  type ServiceOptions,
  startService,
} from '../fixtures.ts';

const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const PRICES = { PRICE_SMS: '0.1;GB=1', PRICE_CALL: '0.25' };
const NO_LIMITS = {
  GUARD_MODE: 'off',
  LIMIT_NUMBER: 'off',
  LIMIT_PREFIX: 'off',
  LIMIT_NUMBER_TOTAL: 'off',
  LIMIT_NUMBER_API_KEY: 'off',
};

/** At noon (UTC), so that no day ends while a test runs. */
async function serviceWith(env: Record<string, string>, options: ServiceOptions = {}): Promise<Service> {
  const service = await startService({ workers: 0, ...options, env: { ...PRICES, ...NO_LIMITS, ...env } });
  onTestFinished(() => service.close());
  service.clock.advance(DAY + 12 * HOUR - (service.clock.now() % DAY));
  return service;
}

const submit = (service: Service, body: Record<string, unknown> = {}, apiKey = API_KEY) =>
  service.call('POST', '/v1/verifications', { to: freshNumber(), ...body }, { authorization: `Bearer ${apiKey}` });

/** Submits texts at 0.10 each; tells the statuses. */
async function submitTexts(service: Service, count: number, apiKey = API_KEY): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < count; i++) statuses.push((await submit(service, {}, apiKey)).status);
  return statuses;
}

/** The shares of budgets that the operator was told of, in their order. */
const told = (service: Service) =>
  service.logged
    .map((line) => JSON.parse(line))
    .filter(({ action }) => action === 'budget.reached')
    .map(({ subject, data }) => [subject, data.percent, data.spent]);

/** What is spent on the present day. */
async function spent(service: Service, purse = 'all'): Promise<number> {
  const day = new Date(service.clock.now()).toISOString().slice(0, 10);
  return Number(await service.redis.hget(`{ringback:0}:spending:${day}`, `spent:${purse}`)) / 1_000_000;
}

describe('the budget of a day', () => {
  it('refuses what comes when it is spent, until the next day begins', async () => {
    const service = await serviceWith({ DAILY_BUDGET: '0.5' });
    expect(await submitTexts(service, 6)).toEqual([202, 202, 202, 202, 202, 429]);

    const refused = await submit(service);
    expect(refused.body).toMatchObject({ code: 'rate-limited', limit: 'daily-budget' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan((11.9 * HOUR) / 1_000);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual((12 * HOUR) / 1_000);
    expect((await submit(service, {}, OTHER_API_KEY)).status).toBe(429);

    service.clock.advance(12 * HOUR);
    expect(await submitTexts(service, 1)).toEqual([202]);
  });

  it('is told of once each at 50, 80 and 100 percent, and again on another day', async () => {
    const service = await serviceWith({ DAILY_BUDGET: 'monitor:1' });
    await submitTexts(service, 4);
    expect(told(service)).toEqual([]);

    await submitTexts(service, 8);
    const shares = [
      ['daily-budget', 50, 0.5],
      ['daily-budget', 80, 0.8],
      ['daily-budget', 100, 1],
    ];
    expect(told(service)).toEqual(shares);

    service.clock.advance(DAY);
    await submitTexts(service, 10);
    expect(told(service)).toEqual([...shares, ...shares]);
  });

  it('is told of once, although codes were taken back and the share is reached again', async () => {
    const service = await serviceWith({ DAILY_BUDGET: '1' });
    const [id] = (await Promise.all([submit(service), ...Array.from({ length: 4 }, () => submit(service))])).map(
      ({ body }) => String(body['id']),
    );
    expect(await spent(service)).toBe(0.5);
    await service.call('POST', `/v1/verifications/${id}/cancel`);
    expect(await spent(service)).toBe(0.4);
    await submitTexts(service, 1);

    expect(told(service)).toEqual([['daily-budget', 50, 0.5]]);
  });

  it('only watches in monitor mode', async () => {
    const service = await serviceWith({ DAILY_BUDGET: 'monitor:0.2' });
    expect(await submitTexts(service, 4)).toEqual([202, 202, 202, 202]);

    const { body } = await service.call('POST', '/v1/simulate', { to: freshNumber() });
    expect(body).toMatchObject({
      outcome: 'accepted',
      findings: [{ rule: 'daily-budget', mode: 'monitor', verdict: 'limited' }],
    });
  });

  it('refuses requested attempts too', async () => {
    const service = await serviceWith({ DAILY_BUDGET: '0.1' }, { workers: 1 });
    const { id } = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', id);

    const { status, body } = await service.call('POST', `/v1/verifications/${id}/attempts`, { channel: 'call' });
    expect([status, body['limit']]).toEqual([429, 'daily-budget']);
  });

  it('of one API key concerns that one only, which is told in its audit log', async () => {
    const service = await serviceWith({ DAILY_BUDGET_API_KEY: 'off;other=0.2' });
    expect(await submitTexts(service, 3, OTHER_API_KEY)).toEqual([202, 202, 429]);
    expect(await submitTexts(service, 3)).toEqual([202, 202, 202]);

    const headers = { authorization: `Bearer ${OTHER_API_KEY}` };
    const decisions = async () => (await service.call('GET', '/v1/audit', undefined, headers)).body['data'];
    await expect.poll(decisions).toMatchObject([
      { action: 'request.limited', reason: 'api-key-budget' },
      { action: 'budget.reached', subject: 'api-key-budget', data: { percent: 100, budget: 0.2, spent: 0.2 } },
      { action: 'budget.reached', reason: '80 % of the budget of the day is spent' },
      { action: 'budget.reached', reason: '50 % of the budget of the day is spent', actor: 'system' },
    ]);
    expect((await service.call<{ data: object[] }>('GET', '/v1/audit')).body.data).toEqual([]);
  });

  it('of one API key is told to the endpoints of that key, too', async () => {
    const service = await serviceWith(
      { DAILY_BUDGET: '0.4', DAILY_BUDGET_API_KEY: 'test=monitor:0.2' },
      { workers: 1 },
    );
    const { url } = service.receiver;
    for (const [secret, path] of [
      [API_KEY, '/mine'],
      [OTHER_API_KEY, '/other'],
    ]) {
      const body = { url: new URL(path ?? '', url).href, types: ['budget.reached'] };
      const headers = { authorization: `Bearer ${secret}` };
      expect((await service.call('POST', '/v1/callback-endpoints', body, headers)).status).toBe(201);
    }
    await submitTexts(service, 2);
    await submitTexts(service, 1, OTHER_API_KEY);

    const told = () =>
      service.receiver.received
        .map(({ raw }) => JSON.parse(raw))
        .filter(({ type }) => type === 'budget.reached')
        .map(({ data }) => [data.budget.percent, data.budget.spent, data.budget.mode])
        .sort(([a], [b]) => a - b);
    await expect.poll(told).toEqual([
      [50, 0.1, 'monitor'],
      [80, 0.2, 'monitor'],
      [100, 0.2, 'monitor'],
    ]);
    const headers = { authorization: `Bearer ${OTHER_API_KEY}` };
    const owed = await service.call('GET', '/v1/callbacks?type=budget.reached', undefined, headers);
    expect(owed.body['data']).toEqual([]);
  });

  it('refuses nothing and keeps nothing when no prices are set', async () => {
    const service = await startService({ workers: 0 });
    onTestFinished(() => service.close());
    await service.submit({ to: freshNumber() });

    expect(await service.redis.keys('*:spending:*')).toEqual([]);
  });
});

describe('what is spent', () => {
  it('is counted by channel and country, with the codes of later steps', async () => {
    const service = await serviceWith({}, { workers: 1 });
    const refused = await service.submit({ to: '+14045550101' }); // its text is refused, the call gets through
    await service.receiver.event('verification.attempt.sent', refused.id);
    expect(await spent(service)).toBe(0.25);

    const british = await service.submit({ to: '+447700900123' });
    await service.receiver.event('verification.attempt.sent', british.id);
    expect(await spent(service)).toBe(1.25);
    expect(await spent(service, 'api-key:test')).toBe(1.25);
    expect(await spent(service, 'api-key:other')).toBe(0);

    await service.advance(45_000); // the call
    await expect.poll(() => spent(service)).toBe(1.5);
  });

  it('counts a code whose outcome is not known, and none that was certainly not sent', async () => {
    const service = await serviceWith({}, { workers: 1 });
    const failed = await service.submit({ to: '+14045550102' }); // everything is refused
    await service.receiver.event('verification.failed', failed.id);
    expect(await spent(service)).toBe(0);

    const lost = await service.submit({ to: '+14045550104', workflow: [{ channel: 'sms' }] }); // answers are lost
    await expect
      .poll(async () => (await service.read(lost.id)).attempts.map(({ status }) => status))
      .toEqual(['unknown', 'unknown']);
    expect(await spent(service)).toBe(0.2);
  });

  it('leaves out what costs nothing: test numbers and what is blocked', async () => {
    const to = freshNumber();
    const service = await serviceWith({ TEST_NUMBERS: `${to}=738291@2099-01-01`, COUNTRIES: 'US' }, { workers: 1 });
    const { id } = await service.submit({ to });
    await service.receiver.event('verification.attempt.sent', id);
    await service.submit({ to: '+447700900123' });

    expect(await spent(service)).toBe(0);
  });

  it('stops no verification when it cannot be booked', async () => {
    const service = await serviceWith({});
    const day = new Date(service.clock.now()).toISOString().slice(0, 10);
    await service.redis.set(`{ringback:0}:spending:${day}`, 'no hash');

    expect(await submitTexts(service, 1)).toEqual([202]);
    expect(service.logged.filter((line) => line.includes('what a code costs could not be booked'))).toHaveLength(1);
  });

  it('is estimated by a simulation', async () => {
    const service = await serviceWith({});
    const estimate = async (body: object) => (await service.call('POST', '/v1/simulate', body)).body['estimated_cost'];

    expect(await estimate({ to: freshNumber() })).toEqual({ first_code: 0.1, all_steps: 0.35 });
    expect(await estimate({ to: '+447700900123', workflow: [{ channel: 'sms' }] })).toEqual({
      first_code: 1,
      all_steps: 1,
    });
  });
});
