import { describe, expect, onTestFinished } from 'vitest';
import { everythingIn, freshNumber, it, MINUTE, SECOND, startService } from './fixtures.ts';

const TEST_NUMBER = '+14045550199';
const CODE = '73829105';
const WRONG = '73829106';
const DAY = 24 * 60 * MINUTE;
const day = (at: number) => new Date(at).toISOString().slice(0, 10);

async function start(until = day(Date.now() + 2 * DAY)) {
  const service = await startService({ env: { TEST_NUMBERS: `${TEST_NUMBER}=${CODE}@${until}` } });
  onTestFinished(() => service.close());
  return service;
}

describe('a test number', () => {
  it('goes through queues, timers and callbacks, and nothing reaches SignalWire', async () => {
    const service = await start();
    const v = await service.submit({
      to: TEST_NUMBER,
      workflow: [{ channel: 'sms', timeout: 45 }, { channel: 'call' }],
    });
    await service.receiver.event('verification.attempt.sent', v.id);
    expect(await service.read(v.id)).toMatchObject({ status: 'pending', next_attempt: { channel: 'call' } });

    await service.advance(46 * SECOND);
    await service.receiver.event('verification.fallback', v.id);
    await expect
      .poll(async () => (await service.read(v.id)).attempts.map(({ channel, status }) => [channel, status]))
      .toEqual([
        ['sms', 'sent'],
        ['call', 'sent'],
      ]);
    expect((await service.check(v.id, WRONG)).body).toMatchObject({ approved: false, checks: { used: 1, max: 5 } });
    expect((await service.check(v.id, CODE)).body).toMatchObject({ approved: true, checks: { used: 2 } });
    await service.receiver.event('verification.approved', v.id);

    expect(service.sandbox.requests).toEqual([]);
  });

  it('leaves its code in no record and no log, also when a wrong one was entered', async () => {
    const service = await start();
    const v = await service.submit({ to: TEST_NUMBER });
    await service.receiver.event('verification.attempt.sent', v.id);
    await service.check(v.id, WRONG);
    await service.check(v.id, CODE);

    const written =
      (await everythingIn(service.redis)) + service.logged.join('') + JSON.stringify(service.receiver.received);
    expect(written).not.toContain(CODE);
    expect(written).not.toContain(WRONG);
  });

  it('has as many checks as any other', async () => {
    const service = await start();
    const v = await service.submit({ to: TEST_NUMBER, max_checks: 2 });
    await service.receiver.event('verification.attempt.sent', v.id);
    await service.check(v.id, WRONG);
    await service.check(v.id, 'abc-123'); // counted, though it has not the length of the code

    expect((await service.check(v.id, CODE)).body).toMatchObject({ status: 410, code: 'verification-closed' });
    expect(await service.read(v.id)).toMatchObject({ status: 'failed', reason: 'too_many_checks' });
  });

  it('is checked by its own code, whatever length was asked for', async () => {
    const service = await start();
    const v = await service.submit({ to: TEST_NUMBER, code_length: 4, max_checks: 3 });
    await service.receiver.event('verification.attempt.sent', v.id);

    expect((await service.check(v.id, CODE)).body.approved).toBe(true);
  });

  it('says nothing about SignalWire: its trouble stays reported', async () => {
    const service = await start();
    service.sandbox.behave({}, () => ({ status: 401 }));
    const real = await service.submit({ to: freshNumber() });
    await expect.poll(async () => (await service.read(real.id)).attempts[0]?.error?.code).toBe('misconfigured');
    const degraded = () => service.redis.keys('*:degraded:*');
    await expect.poll(degraded).toHaveLength(1);

    const v = await service.submit({ to: TEST_NUMBER });
    await service.receiver.event('verification.attempt.sent', v.id);
    await service.check(v.id, CODE);

    expect(await degraded()).toHaveLength(1);
  });

  it('is a number like any other after its last day', async () => {
    const service = await start(day(Date.now() - DAY));
    const v = await service.submit({ to: TEST_NUMBER });
    const { code } = await service.sandbox.nextMessage(TEST_NUMBER);

    expect(code).toHaveLength(6);
    await service.receiver.event('verification.attempt.sent', v.id);
    expect((await service.check(v.id, CODE)).body).toMatchObject({ approved: false });
    expect((await service.check(v.id, code)).body).toMatchObject({ approved: true });
  });

  it('has no live code once its last day is over, and the next code is a real one', async () => {
    const tomorrow = day(Date.now() + DAY);
    const service = await start(tomorrow);
    service.clock.advance(Date.parse(`${tomorrow}T12:00:00Z`) - service.clock.now());
    const v = await service.submit({ to: TEST_NUMBER, expires_in: 86_400, workflow: [{ channel: 'sms' }] });
    await service.receiver.event('verification.attempt.sent', v.id);

    service.clock.advance(12 * 60 * MINUTE);

    expect((await service.check(v.id, CODE)).body).toMatchObject({ status: 409, code: 'no-live-code' });
    const again = await service.call('POST', `/v1/verifications/${v.id}/attempts`, { channel: 'sms' });
    expect(again.status).toBe(202);
    expect((await service.sandbox.nextMessage(TEST_NUMBER)).code).toHaveLength(CODE.length);
  });
});
