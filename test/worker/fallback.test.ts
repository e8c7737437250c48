import { describe, expect } from 'vitest';
import { freshNumber, it, MINUTE, SECOND } from '../fixtures.ts';

const TWO_STEPS = [{ channel: 'sms', timeout: 20 }, { channel: 'call' }];

describe('the call after the text', () => {
  it('starts when the code is not entered in time', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber(), workflow: TWO_STEPS });
    await service.receiver.event('verification.attempt.sent', id);

    await service.advance(20 * SECOND);

    const { body } = await service.receiver.event('verification.fallback', id);
    expect(body.data.attempt).toMatchObject({ channel: 'call', trigger: 'timeout' });
    expect(body.data.verification).toMatchObject({ current_step: 1 });
  });

  it('does not start while its time has not come, however often the alarm rings', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber(), workflow: TWO_STEPS });
    await service.receiver.event('verification.attempt.sent', id);

    await service.advance(19 * SECOND);
    await expect.poll(() => service.queues.verifications.getDelayedCount()).toBe(1);

    expect(await service.read(id)).toMatchObject({ current_step: 0, attempts: [{ status: 'sent' }] });
  });

  it('does not start once the code was right', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to, workflow: TWO_STEPS });
    await service.receiver.event('verification.attempt.sent', id);
    await service.check(id, (await service.sandbox.nextMessage(to)).code);

    await service.advance(30 * SECOND);
    await expect.poll(() => service.queues.verifications.getCompletedCount()).toBe(1);

    expect(service.sandbox.sendsTo(to)).toBe(1);
  });

  it('starts at once on request, and the person may have it again', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber(), workflow: TWO_STEPS });
    await service.receiver.event('verification.attempt.sent', id);

    const answer = await service.call('POST', `/v1/verifications/${id}/attempts`, { channel: 'call' });

    expect(answer.status).toBe(202);
    const { body } = await service.receiver.event('verification.fallback', id);
    expect(body.data.attempt).toMatchObject({ channel: 'call', trigger: 'request' });
    await service.receiver.first(
      (d) => d.body.data.attempt?.channel === 'call' && d.body.data.attempt.status === 'sent',
    );
    const again = await service.call('POST', `/v1/verifications/${id}/attempts`, { channel: 'call' });
    expect(again.body).toMatchObject({ status: 429, code: 'cooldown' });
    await service.advance(30 * SECOND);
    expect((await service.call('POST', `/v1/verifications/${id}/attempts`, { channel: 'call' })).status).toBe(202);
  });

  it('starts although the text still waits in a paused queue', async ({ service }) => {
    await service.queues.sms.pause();
    const { id } = await service.submit({ to: freshNumber(), workflow: TWO_STEPS });

    await service.advance(MINUTE);

    const { body } = await service.receiver.event('verification.attempt.sent', id);
    expect(body.data.attempt).toMatchObject({ channel: 'call', trigger: 'failure' });
    expect((await service.read(id)).attempts[0]).toMatchObject({
      status: 'skipped',
      error: { code: 'waited_too_long' },
    });
    expect(await service.queues.sms.getJobCountByTypes('wait', 'prioritized', 'delayed')).toBe(0);
  });
});

describe('time', () => {
  it('closes a verification whose code was sent as expired', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber(), workflow: [{ channel: 'sms' }], expires_in: 60 });
    await service.receiver.event('verification.attempt.sent', id);

    await service.advance(60 * SECOND);

    const { body } = await service.receiver.event('verification.expired', id);
    expect(body.data.verification).toMatchObject({ status: 'expired', reason: 'expired' });
    const v = await service.read(id);
    expect(v.closed_at).toBe(v.expires_at);
  });

  it('sends nothing with less than 30 s to live, however late a job runs', async ({ service }) => {
    await service.queues.sms.pause();
    const to = freshNumber();
    const { id } = await service.submit({ to, workflow: [{ channel: 'sms' }], expires_in: 60 });
    await service.advance(31 * SECOND);
    await service.receiver.event('verification.failed', id);

    await service.queues.sms.resume();

    expect((await service.read(id)).attempts[0]).toMatchObject({ status: 'skipped', error: { code: 'time_left' } });
    expect(service.sandbox.requests).toHaveLength(0);
  });
});

describe('a canceled verification', () => {
  it('sends nothing more', async ({ service }) => {
    await service.queues.sms.pause();
    const { id } = await service.submit({ to: freshNumber() });

    const first = await service.call('POST', `/v1/verifications/${id}/cancel`);
    const again = await service.call('POST', `/v1/verifications/${id}/cancel`, {});

    expect([first.status, again.status]).toEqual([200, 200]);
    expect(first.body).toMatchObject({
      status: 'canceled',
      reason: 'canceled',
      attempts: [{ status: 'skipped', error: { code: 'closed' } }],
    });
    expect(again.body).toEqual(first.body);
    await service.receiver.event('verification.canceled', id);
    expect(await service.queues.sms.getJobCountByTypes('wait', 'prioritized', 'delayed')).toBe(0);
  });

  it('cannot be canceled when it was closed otherwise', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to });
    await service.receiver.event('verification.attempt.sent', id);
    await service.check(id, (await service.sandbox.nextMessage(to)).code);

    expect((await service.call('POST', `/v1/verifications/${id}/cancel`, { why: 'x' })).status).toBe(422);
    const { status, body } = await service.call('POST', `/v1/verifications/${id}/cancel`);
    expect(status).toBe(410);
    expect(body).toMatchObject({ code: 'verification-closed', verification_status: 'approved' });
  });
});
