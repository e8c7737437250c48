import { describe, expect } from 'vitest';
import { freshNumber, it, MINUTE, SECOND } from '../fixtures.ts';

describe('the reconciler', () => {
  it('puts back a deleted attempt job', async ({ service }) => {
    await service.queues.sms.pause();
    const { id } = await service.submit({ to: freshNumber() });
    await service.queues.sms.obliterate({ force: true });
    await service.queues.sms.resume();

    service.clock.advance(12 * SECOND);

    await service.receiver.event('verification.attempt.sent', id);
  });

  it('ends a verification whose alarm was deleted', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber(), workflow: [{ channel: 'sms' }] });
    await service.receiver.event('verification.attempt.sent', id);
    await service.queues.verifications.obliterate({ force: true });

    service.clock.advance(11 * MINUTE);

    await service.receiver.event('verification.expired', id);
  });

  it('starts the fallback whose alarm was deleted, and sets a new alarm', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', id);
    await service.queues.verifications.obliterate({ force: true });

    service.clock.advance(MINUTE);

    await service.receiver.event('verification.fallback', id);
    await expect.poll(() => service.queues.verifications.getDelayedCount()).toBe(1);
  });

  it('queues a callback again that lost its job', async ({ service }) => {
    await service.queues.callbacks.pause();
    const { id } = await service.submit({ to: freshNumber() });
    await expect.poll(() => service.queues.callbacks.getJobCountByTypes('wait')).toBe(1);
    await service.queues.callbacks.obliterate({ force: true });
    await service.queues.callbacks.resume();

    service.clock.advance(20 * SECOND);

    await service.receiver.event('verification.attempt.sent', id);
  });

  it('marks a try unknown whose worker died, and sends one more', async ({ service }) => {
    const to = freshNumber();
    service.sandbox.behave({ to }, ['accept-then-hang', 'accept']);
    const { id } = await service.submit({ to });
    await service.sandbox.nextRequest((request) => request.to === to);

    // as far as the record tells, nobody has been heard of for longer than any try can take
    service.clock.advance(10 * SECOND);

    await service.receiver.event('verification.attempt.unknown', id);
    await service.receiver.event('verification.attempt.sent', id);
    expect(service.sandbox.sendsTo(to)).toBe(2);
  });

  it('masks the number once its retention is over', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to });
    await service.call('POST', `/v1/verifications/${id}/cancel`);
    expect((await service.read(id)).to).toBe(to);

    service.clock.advance(24 * 60 * MINUTE);

    await expect.poll(() => service.redis.get(`{ringback:0}:verification:${id}`)).not.toContain(to);
    expect((await service.read(id)).to).toBe(`+1••••••••${to.slice(-2)}`);
  });

  it("restores a channel's rate limit that was obliterated with its queue", async ({ service }) => {
    const before = await service.queues.sms.getGlobalRateLimit();
    await service.queues.sms.obliterate({ force: true });
    expect(await service.queues.sms.getGlobalRateLimit()).toBeNull();

    await expect.poll(() => service.queues.sms.getGlobalRateLimit()).toEqual(before);
  });

  it('sets aside a job whose data it cannot read', async ({ service }) => {
    for (const queue of Object.values(service.queues)) await queue.add('poison', null);

    await expect
      .poll(async () =>
        (await Promise.all(Object.values(service.queues).map((queue) => queue.getFailed())))
          .flat()
          .map((job) => job.failedReason),
      )
      .toEqual(Array(4).fill(expect.stringContaining('set aside')));
    const { id } = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', id);
  });
});
