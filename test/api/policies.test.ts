import { describe, expect, onTestFinished } from 'vitest';
import { createKeys } from '../../src/shared/keys.ts';
import { createPrefixBlocks, SYSTEM } from '../../src/shared/prefix-blocks.ts';
import { createRunScript } from '../../src/shared/redis-scripts.ts';
import { freshNumber, it, type Service, startService } from '../fixtures.ts';

const HOUR = 3_600_000;
const PREMIUM = '+19005551234';
const LONDON = '+442079460123';

async function withOnly(env: Record<string, string>): Promise<Service> {
  const service = await startService({ env, workers: 0 });
  onTestFinished(() => service.close());
  return service;
}

/** How a submission ends: its status, and the reason of a blocked one. */
async function submit(service: Service, to: string): Promise<string> {
  const { status, body } = await service.call('POST', '/v1/verifications', { to, if_active: 'replace' });
  return status === 202 ? String(body['reason'] ?? 'accepted') : `${status} ${body['limit']}`;
}

function blocksOf(service: Service) {
  const decisions = { record: async () => {} };
  const { redis, clock } = service;
  return createPrefixBlocks({ redis, runScript: createRunScript(redis), keys: createKeys(), clock, decisions });
}

describe('countries', () => {
  it.each([
    [{ COUNTRIES: 'US' }, 'accepted', 'country_not_allowed'],
    [{ COUNTRIES: 'US', COUNTRIES_MODE: 'block' }, 'country_not_allowed', 'accepted'],
    [{ COUNTRIES: 'US', COUNTRIES_MODE: 'monitor' }, 'accepted', 'accepted'],
  ])('with %j: one of the US is %s, one of the UK %s', async (env, american, british) => {
    const service = await withOnly(env);
    expect([await submit(service, freshNumber()), await submit(service, LONDON)]).toEqual([american, british]);
  });

  it('never has numbers of no country, as those of satellites', async () => {
    const service = await withOnly({ COUNTRIES: 'GB', COUNTRIES_MODE: 'block' });
    expect(await submit(service, '+88235512345')).toBe('country_not_allowed');
  });

  it('tells what monitoring would have refused', async () => {
    const service = await withOnly({ COUNTRIES: 'US', COUNTRIES_MODE: 'monitor' });
    await submit(service, LONDON);
    const entries = async () => (await service.call<{ data: unknown[] }>('GET', '/v1/audit')).body.data;
    await expect
      .poll(entries)
      .toMatchObject([
        { action: 'request.blocked', reason: 'country_not_allowed', data: { rule: 'country', mode: 'monitor' } },
      ]);
  });
});

describe('kinds of numbers', () => {
  it.each([
    ['premium', PREMIUM],
    ['toll-free', '+18002345678'],
    ['personal', '+15002345678'],
    ['shared cost', '+448451234567'],
    ['UAN', '+445512345678'],
    ['pager', '+447640123456'],
  ])('refuses a %s number', async (_kind, to) => {
    const service = await withOnly({});
    expect(await submit(service, to)).toBe('number_type_not_allowed');
  });

  it.each(['+14045550123', '+14045551234', '+15555550123', '+12125550199'])(
    'takes %s, kept for fiction',
    async (to) => {
      const service = await withOnly({});
      expect(await submit(service, to)).toBe('accepted');
    },
  );

  it('only watches, or lets all through, when told so', async () => {
    const watching = await withOnly({ REFUSED_NUMBER_TYPES: 'monitor:premium-rate' });
    const off = await withOnly({ REFUSED_NUMBER_TYPES: 'off' });
    expect([await submit(watching, PREMIUM), await submit(off, PREMIUM)]).toEqual(['accepted', 'accepted']);
  });
});

describe('the lists', () => {
  it('block a number, and all that begin with a prefix', async () => {
    const service = await withOnly({ BLOCK_LIST: '+14045550123,+1404556*' });
    expect([
      await submit(service, '+14045550123'),
      await submit(service, '+14045550124'),
      await submit(service, '+14045561234'),
    ]).toEqual(['number_blocked', 'accepted', 'number_blocked']);
  });

  it('keep limits and the guard from safe numbers, but not the block list', async () => {
    const service = await withOnly({
      LIMIT_NUMBER: '1/h',
      SAFE_LIST: '+1404555*,+1404557*',
      BLOCK_LIST: '+1404557*',
    });
    await blocksOf(service).blockPrefix('+1404555', HOUR, 'pumping', SYSTEM);
    expect([
      await submit(service, '+14045550123'),
      await submit(service, '+14045550123'),
      await submit(service, '+14045570123'),
      await submit(service, '+14045580123'),
      await submit(service, '+14045580123'),
    ]).toEqual(['accepted', 'accepted', 'number_blocked', 'accepted', '429 number']);
  });
});

describe('a prefix that is blocked while the service runs', () => {
  it('is refused at once, and taken again when the time is over or it is lifted', async () => {
    const service = await withOnly({});
    const blocks = blocksOf(service);
    await blocks.blockPrefix('+1404555', 12 * HOUR, 'complaints', 'ann');
    expect(await submit(service, '+14045550123')).toBe('number_blocked');
    service.clock.advance(12 * HOUR);
    expect(await submit(service, '+14045550123')).toBe('accepted');
    await blocks.blockPrefix('+1404555', 12 * HOUR, 'complaints', 'ann');
    expect(await submit(service, '+14045550123')).toBe('number_blocked');
    await blocks.unblock('+1404555', 'ann');
    expect(await submit(service, '+14045550123')).toBe('accepted');
  });

  it('is suspected fraud when the guard blocked it, and its callback says so', async () => {
    const service = await startService({});
    onTestFinished(() => service.close());
    await blocksOf(service).blockPrefix('+1404555', 12 * HOUR, 'conversion 0 %', SYSTEM);
    expect(await submit(service, '+14045550123')).toBe('suspected_fraud');
    await expect
      .poll(() => service.receiver.received.map(({ body }) => body))
      .toMatchObject([{ type: 'verification.blocked', data: { verification: { reason: 'suspected_fraud' } } }]);
  });
});
