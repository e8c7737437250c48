import { describe, expect, onTestFinished } from 'vitest';
import { everythingIn, freshNumber, it, MINUTE, OTHER_API_KEY, type Service, startService } from '../fixtures.ts';

async function serviceWith(env: Record<string, string>): Promise<Service> {
  const service = await startService({ env, workers: 0 });
  onTestFinished(() => service.close());
  return service;
}

async function simulate(service: Service, body: Record<string, unknown>) {
  const answer = await service.call('POST', '/v1/simulate', body);
  expect(answer.status).toBe(200);
  return answer.body;
}

/** What the submission itself is answered then. */
const submitted = async (service: Service, body: Record<string, unknown>) =>
  (await service.call('POST', '/v1/verifications', body)).status;

describe('simulating a submission', () => {
  it('tells of one that would be accepted, with all that it left out', async ({ service }) => {
    const body = {
      to: freshNumber(),
      workflow: [{ channel: 'sms' }, { channel: 'call', timeout: 20 }],
      code_length: 4,
    };

    expect(await simulate(service, body)).toEqual({
      object: 'simulation',
      outcome: 'accepted',
      http_status: 202,
      reason: null,
      limit: null,
      retry_after: null,
      active_verification: null,
      findings: [],
      to: expect.stringMatching(/^\+1•{8}\d\d$/),
      country: 'US',
      number_type: 'fixed_line_or_mobile',
      test_number: false,
      workflow: [{ channel: 'sms', timeout: 45 }, { channel: 'call' }],
      from: null,
      code_length: 4,
      code_type: 'numeric',
      expires_in: 600,
      max_checks: 3,
      estimated_cost: null,
    });
    expect(await submitted(service, body)).toBe(202);
  });

  it('stores nothing, counts nothing and sends nothing', async () => {
    const service = await serviceWith({ LIMIT_NUMBER: '2/h' });
    const to = freshNumber();
    await service.submit({ to: freshNumber() }); // makes what is made once, such as the key of the number hash
    const before = await everythingIn(service.redis);

    for (let i = 0; i < 3; i++) expect(await simulate(service, { to })).toMatchObject({ outcome: 'accepted' });

    expect(await everythingIn(service.redis)).toBe(before);
    expect(service.sandbox.requests).toHaveLength(0);
    expect(service.logged.filter((line) => line.includes('audit'))).toEqual([]);
  });

  it('tells of a block with its reason', async () => {
    const service = await serviceWith({ COUNTRIES: 'US' });
    const body = { to: '+447700900123' };

    expect(await simulate(service, body)).toMatchObject({
      outcome: 'blocked',
      http_status: 202,
      reason: 'country_not_allowed',
      country: 'GB',
      number_type: null,
      findings: [{ rule: 'country', mode: 'enforce', verdict: 'blocked', reason: 'country_not_allowed', limit: null }],
    });
    expect((await service.submit(body)).status).toBe('blocked');
  });

  it('tells of a limit that is reached, and for how long', async () => {
    const service = await serviceWith({ LIMIT_NUMBER: '1/10m' });
    const body = { to: freshNumber(), if_active: 'replace' };
    await service.submit(body);
    service.clock.advance(4 * MINUTE);

    const answer = await simulate(service, body);
    expect(answer).toMatchObject({ outcome: 'rate_limited', http_status: 429, reason: null, limit: 'number' });
    expect(answer['retry_after']).toBeGreaterThan(5 * 60);
    expect(answer['retry_after']).toBeLessThanOrEqual(6 * 60);
    expect(await submitted(service, body)).toBe(429);
  });

  it('tells what every rule found, those that only watch and those behind the first refusal too', async () => {
    const service = await serviceWith({ COUNTRIES: 'US', LIMIT_COUNTRY: 'monitor:1/d', LIMIT_API_KEY: '1/d' });
    await service.submit({ to: freshNumber() });

    expect(await simulate(service, { to: freshNumber() })).toMatchObject({
      outcome: 'rate_limited',
      limit: 'api-key',
      findings: expect.toSatisfy((found: { rule: string; mode: string }[]) =>
        found.some(({ rule, mode }) => rule === 'country' && mode === 'monitor'),
      ),
    });
    const blocked = await simulate(service, { to: '+447700900123' });
    expect(blocked['outcome']).toBe('blocked');
    expect((blocked['findings'] as { rule: string }[]).map(({ rule }) => rule)).toEqual(['country', 'api-key']);
  });

  it('tells of an open verification for the number, by if_active', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to });

    const conflict = { outcome: 'conflict', http_status: 409, active_verification: id };
    expect(await simulate(service, { to })).toMatchObject(conflict);
    expect(await simulate(service, { to, if_active: 'return' })).toMatchObject({
      outcome: 'existing',
      http_status: 200,
    });
    expect(await simulate(service, { to, if_active: 'replace' })).toMatchObject({
      outcome: 'accepted',
      active_verification: id,
    });
    expect((await service.read(id)).status).not.toBe('canceled');

    service.clock.advance(10 * MINUTE);
    expect(await simulate(service, { to })).toMatchObject({ outcome: 'accepted', active_verification: null });
  });

  it('knows that no cooldown holds up a replacement', async () => {
    const service = await serviceWith({ LIMIT_NUMBER_COOLDOWN: '1/30s' });
    const to = freshNumber();
    const { id } = await service.submit({ to });
    expect(await simulate(service, { to, if_active: 'replace' })).toMatchObject({ outcome: 'accepted' });

    await service.call('POST', `/v1/verifications/${id}/cancel`);
    const cooling = { outcome: 'rate_limited', limit: 'number-cooldown' };
    expect(await simulate(service, { to, if_active: 'replace' })).toMatchObject(cooling);
  });

  it('does not tell of the open verification of another API key', async ({ service }) => {
    const to = freshNumber();
    await service.call('POST', '/v1/verifications', { to }, { authorization: `Bearer ${OTHER_API_KEY}` });

    expect(await simulate(service, { to })).toMatchObject({ outcome: 'accepted', active_verification: null });
  });

  it('knows test numbers', async () => {
    const to = freshNumber();
    const service = await serviceWith({ TEST_NUMBERS: `${to}=123456@2099-01-01` });

    expect(await simulate(service, { to })).toMatchObject({ outcome: 'accepted', test_number: true });
  });

  it('refuses what a submission refuses', async ({ service }) => {
    expect(await service.call('POST', '/v1/simulate', { to: '404 555 0123', surprise: 1 })).toMatchObject({
      status: 422,
      body: { code: 'invalid-request', errors: [{ pointer: '/to' }, { pointer: '/surprise' }] },
    });
  });
});
