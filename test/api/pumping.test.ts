import { describe, expect, onTestFinished } from 'vitest';
import { createKeys } from '../../src/shared/keys.ts';
import { it, MINUTE, type Service, startService } from '../fixtures.ts';

const HOUR = 60 * MINUTE;
const PREFIX = '+1404555';
const ENFORCED = { GUARD_MODE: 'enforce' };

async function withOnly(env: Record<string, string>, workers = 0): Promise<Service> {
  const service = await startService({ env, workers });
  onTestFinished(() => service.close());
  return service;
}

const numberOf = (suffix: number) => PREFIX + String(suffix).padStart(4, '0');

/** How a submission ends: `accepted`, the reason of a blocked one, or the limit that refused it. */
async function submit(service: Service, suffix: number): Promise<string> {
  const { body } = await service.call('POST', '/v1/verifications', { to: numberOf(suffix), if_active: 'replace' });
  return String(body['reason'] ?? body['limit'] ?? 'accepted');
}

async function submitAll(service: Service, suffixes: readonly number[]): Promise<string[]> {
  const ends: string[] = [];
  for (const suffix of suffixes) ends.push(await submit(service, suffix));
  return ends;
}

const inRow = (count: number, from = 1_000) => Array.from({ length: count }, (_, i) => from + i);
/** Too far apart to be a row. */
const scattered = (count: number) => Array.from({ length: count }, (_, i) => 137 * (i + 1));
const times = (count: number, what: string) => Array<string>(count).fill(what);

/** What the guard did by itself, the oldest first. */
async function actionsOf(service: Service): Promise<string[]> {
  const entries = await service.redis.xrange(createKeys().decisions, '-', '+');
  return entries
    .map(([, [, doc = '']]) => JSON.parse(doc))
    .filter(({ actor }) => actor === 'system')
    .map(({ action, subject }) => `${action} ${subject}`);
}

/** Has codes sent to 20 numbers of the prefix, some of which are entered, and waits until all is counted. */
async function convert(service: Service, approved: number): Promise<void> {
  for (const [i, suffix] of scattered(20).entries()) {
    const { id } = await service.submit({ to: numberOf(suffix) });
    await service.receiver.event('verification.attempt.sent', id);
    if (i >= approved) continue;
    const code = service.sandbox.messages(numberOf(suffix)).at(-1)?.code;
    expect((await service.check(id, String(code))).body.approved).toBe(true);
  }
  await expect.poll(() => totals(service)).toEqual({ sent: 20, approved });
}

async function totals(service: Service): Promise<Record<string, number>> {
  const sums: Record<string, number> = { sent: 0, approved: 0 };
  for (const [field, count] of Object.entries(await service.redis.hgetall(createKeys().conversion(PREFIX)))) {
    const what = String(field.split(':')[1]);
    sums[what] = (sums[what] ?? 0) + Number(count);
  }
  return sums;
}

describe('numbers in a row', () => {
  it('have their prefix blocked from the fifth on, and for 12 hours', async () => {
    const service = await withOnly(ENFORCED);
    expect(await submitAll(service, inRow(40))).toEqual([...times(4, 'accepted'), ...times(36, 'suspected_fraud')]);
    expect(await submit(service, 9_000)).toBe('suspected_fraud');
    service.clock.advance(12 * HOUR - MINUTE);
    expect(await submit(service, 9_000)).toBe('suspected_fraud');
    service.clock.advance(MINUTE);
    expect(await submit(service, 9_000)).toBe('accepted');
    expect(await actionsOf(service)).toEqual([`guard.block ${PREFIX}••••`, `prefix.blocked ${PREFIX}••••`]);
  });

  it('leave the numbers of other prefixes alone', async () => {
    const service = await withOnly(ENFORCED);
    await submitAll(service, inRow(6));
    const { status, body } = await service.call('POST', '/v1/verifications', { to: '+14045560123' });
    expect([status, body['status']]).toEqual([202, 'queued']);
  });

  it('are also seen backwards, with gaps, and mixed with others', async () => {
    const service = await withOnly(ENFORCED);
    const walk = [5_000, 1_040, 7_000, 1_030, 1_020, 2_000, 1_010];
    expect(await submitAll(service, walk)).toEqual(times(7, 'accepted'));
    expect(await submit(service, 1_000)).toBe('suspected_fraud');
  });

  it('are none when they are more than 10 apart, or more than 10 minutes', async () => {
    const service = await withOnly(ENFORCED);
    expect(await submitAll(service, [1_000, 1_011, 1_022, 1_033, 1_044, 1_055])).toEqual(times(6, 'accepted'));
    await submitAll(service, inRow(4, 3_000));
    service.clock.advance(10 * MINUTE);
    const foreseen = await service.call('POST', '/v1/simulate', { to: numberOf(3_004) });
    expect([foreseen.body['outcome'], await submit(service, 3_004)]).toEqual(['accepted', 'accepted']);
  });

  it('are one when somebody asks again and again', async () => {
    const service = await withOnly({ ...ENFORCED, LIMIT_NUMBER: 'off', LIMIT_NUMBER_API_KEY: 'off' });
    expect(await submitAll(service, Array<number>(8).fill(1_000))).toEqual(times(8, 'accepted'));
  });

  it('pass when codes are entered: they are colleagues', async () => {
    const service = await withOnly(ENFORCED, 1);
    const { id } = await service.submit({ to: numberOf(1_000) });
    await service.receiver.event('verification.attempt.sent', id);
    await service.check(id, String(service.sandbox.messages(numberOf(1_000)).at(-1)?.code));
    await expect.poll(() => totals(service)).toEqual({ sent: 1, approved: 1 });
    expect(await submitAll(service, inRow(8, 1_001))).toEqual(times(8, 'accepted'));
    expect(await actionsOf(service)).toEqual([`guard.alert ${PREFIX}••••`]);
  });

  it('are only told of by default, once', async () => {
    const service = await withOnly({ METRICS_PORT: '0' });
    expect(await submitAll(service, inRow(8))).toEqual(times(8, 'accepted'));
    expect(await actionsOf(service)).toEqual([`guard.block ${PREFIX}••••`]);
    const { body } = await service.call<{ data: unknown[] }>('GET', '/v1/audit');
    expect(body.data).toHaveLength(4);
    expect(body.data[0]).toMatchObject({
      action: 'request.blocked',
      reason: 'suspected_fraud',
      data: { rule: 'guard', mode: 'monitor', detail: expect.stringContaining('8 numbers in a row') },
    });
    const metrics = await (await fetch(`http://127.0.0.1:${service.api.metricsPort}/metrics`)).text();
    expect(metrics).toContain(
      'ringback_guard_actions_total{level="block",scope="prefix",mode="monitor",process="api"} 1',
    );
  });

  it('do not matter for safe numbers, nor with the guard off', async () => {
    const safe = await withOnly({ ...ENFORCED, SAFE_LIST: `${PREFIX}*` });
    expect(await submitAll(safe, inRow(8))).toEqual(times(8, 'accepted'));
    const off = await withOnly({ GUARD_MODE: 'off' });
    expect(await submitAll(off, inRow(8))).toEqual(times(8, 'accepted'));
    expect(await actionsOf(off)).toEqual([]);
  });

  it('are foreseen by a simulation, which is not remembered itself', async () => {
    const service = await withOnly(ENFORCED);
    const simulate = async (suffix: number) =>
      (await service.call('POST', '/v1/simulate', { to: numberOf(suffix) })).body['outcome'];
    for (const suffix of inRow(8, 2_000)) expect(await simulate(suffix)).toBe('accepted');
    await submitAll(service, inRow(4));
    expect(await simulate(1_004)).toBe('blocked');
    expect(await actionsOf(service)).toEqual([]);
    expect(await submit(service, 9_000)).toBe('accepted');
  });

  it('leave no full number in the names of keys, and keys that vanish', async () => {
    const service = await withOnly(ENFORCED);
    await submitAll(service, inRow(6));
    const names = await service.redis.keys('*');
    expect(names.join()).not.toMatch(/\d{11}(?!\d)(?<=14045551\d{3})/);
    const own = names.filter((name) => /number-run|guard-told|prefix-blocks|conversion/.test(name));
    expect(own.length).toBeGreaterThan(2);
    for (const name of own) expect([name, (await service.redis.pttl(name)) > 0]).toEqual([name, true]);
    expect(names.find((name) => name.includes('number-run'))).not.toContain('404555');
  });
});

describe('codes that are not entered', () => {
  it.each([
    [0, ['suspected_fraud', 'suspected_fraud'], ['guard.throttle US', `guard.block ${PREFIX}••••`]],
    [5, ['accepted', 'guard'], ['guard.throttle US', `guard.throttle ${PREFIX}••••`]],
    [8, ['accepted', 'accepted'], ['guard.alert US', `guard.alert ${PREFIX}••••`]],
    [12, ['accepted', 'accepted'], []],
  ])('%i of 20 entered: the next two are %j', async (approved, ends, actions) => {
    const service = await withOnly(ENFORCED, 1);
    await convert(service, approved);
    service.clock.advance(5 * MINUTE);
    expect(await submitAll(service, [9_000, 9_500])).toEqual(ends);
    expect(await actionsOf(service)).toEqual(expect.arrayContaining(actions));
    expect((await actionsOf(service)).filter((action) => action.startsWith('guard.'))).toHaveLength(actions.length);
  });

  it('count when people have had time to enter them, and for an hour', async () => {
    const service = await withOnly(ENFORCED, 1);
    await convert(service, 5);
    expect(await submitAll(service, [9_000, 9_500])).toEqual(['accepted', 'accepted']);
    service.clock.advance(5 * MINUTE);
    expect(await submitAll(service, [9_000, 9_500])).toEqual(['accepted', 'guard']);
    service.clock.advance(MINUTE);
    expect(await submitAll(service, [9_000, 9_500])).toEqual(['accepted', 'guard']);
    service.clock.advance(HOUR);
    expect(await submitAll(service, [9_000, 9_500])).toEqual(['accepted', 'accepted']);
  });

  it('are only told of by default', async () => {
    const service = await withOnly({}, 1);
    await convert(service, 0);
    service.clock.advance(5 * MINUTE);
    expect(await submitAll(service, [9_000, 9_500])).toEqual(['accepted', 'accepted']);
    expect(await actionsOf(service)).toContain(`guard.block ${PREFIX}••••`);
  });
});
