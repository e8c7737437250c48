import { describe, expect } from 'vitest';
import { freshNumber, it, SECOND } from '../fixtures.ts';

const PATH = (id: string) => `/v1/verifications/${id}/attempts`;

describe('asking for another code', () => {
  it('takes the next step without a channel', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', id);

    const { status, body } = await service.call('POST', PATH(id));

    expect(status).toBe(202);
    expect(body).toMatchObject({
      current_step: 1,
      attempts: [{ channel: 'sms' }, { channel: 'call', trigger: 'request', status: 'queued' }],
    });
  });

  it('says when there is no next step', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber(), workflow: [{ channel: 'sms' }] });
    await service.receiver.event('verification.attempt.sent', id);

    expect((await service.call('POST', PATH(id), {})).body).toMatchObject({ status: 409, code: 'no-step-left' });
  });

  it('sends again on the same channel after the cooldown', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to });
    await service.receiver.event('verification.attempt.sent', id);

    const early = await service.call('POST', PATH(id), { channel: 'sms' });
    expect(early.body).toMatchObject({ status: 429, code: 'cooldown' });
    const seconds = Number(early.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(30);

    await service.advance(seconds * SECOND);
    const again = await service.call('POST', PATH(id), { channel: 'sms' });
    expect(again.body).toMatchObject({ current_step: 0, attempts: [{ step: 0 }, { step: 0, trigger: 'request' }] });
    await service.receiver.first(
      (d) => d.body.data.attempt?.trigger === 'request' && d.body.data.attempt.status === 'sent',
    );
    expect(service.sandbox.sendsTo(to)).toBe(2);
  });

  it('waits for the result of a try that is in flight', async ({ service }) => {
    const to = freshNumber();
    service.sandbox.behave({ to }, ['hang']);
    const { id } = await service.submit({ to });
    await service.sandbox.nextRequest((request) => request.to === to);

    expect((await service.call('POST', PATH(id), { channel: 'call' })).body).toMatchObject({
      status: 409,
      code: 'attempt-in-progress',
    });
  });

  it('stops at MAX_SENDS', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to, workflow: [{ channel: 'sms' }] });
    for (let sent = 1; sent <= 4; sent++) {
      await service.receiver.first((d) => d.body.type === 'verification.attempt.sent' && d.body.data.sequence === sent);
      service.clock.advance(30 * SECOND);
      const { status, body } = await service.call('POST', PATH(id), { channel: 'sms' });
      expect([sent, status, body['code']]).toEqual(sent < 4 ? [sent, 202, undefined] : [sent, 409, 'send-limit']);
    }
    expect(service.sandbox.sendsTo(to)).toBe(4);
  });

  it('is too late once the verification is closed', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    await service.call('POST', `/v1/verifications/${id}/cancel`);

    expect((await service.call('POST', PATH(id), { channel: 'sms' })).body).toMatchObject({
      status: 410,
      code: 'verification-closed',
      verification_status: 'canceled',
      reason: 'canceled',
    });
  });

  it('refuses a channel that does not exist', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });

    expect((await service.call('POST', PATH(id), { channel: 'email' })).status).toBe(422);
  });
});
