import { Webhook } from 'standardwebhooks';
import { describe, expect, onTestFinished } from 'vitest';
import { CALLBACK_SECRET, freshNumber, it, OTHER_API_KEY, startService } from '../fixtures.ts';

describe('a callback', () => {
  it('can be verified with the standardwebhooks package', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    const { raw, headers, body } = await service.receiver.event('verification.attempt.sent', id);

    expect(new Webhook(CALLBACK_SECRET).verify(raw, headers as Record<string, string>)).toEqual(body);
    expect(headers['webhook-id']).toMatch(/^evt_/);
    expect(headers['content-type']).toBe('application/json');
  });

  it('tells the story in order, masked, and ends with the closing event', async ({ service }) => {
    const to = freshNumber();
    service.sandbox.behave({ to, channel: 'sms' }, [{ status: 422, body: {} }]);
    const { id } = await service.submit({ to, reference: 'r-1', metadata: { user: '42' } });
    await service.receiver.event('verification.attempt.sent', id);
    await service.check(id, (await service.sandbox.nextMessage(to)).code);
    await service.receiver.event('verification.approved', id);

    const story = service.receiver.received.map((d) => d.body).sort((a, b) => a.data.sequence - b.data.sequence);
    expect(story.map((e) => [e.data.sequence, e.type])).toEqual([
      [1, 'verification.attempt.failed'],
      [2, 'verification.fallback'],
      [3, 'verification.attempt.sent'],
      [4, 'verification.approved'],
    ]);
    for (const event of story) {
      expect(event.data.verification).toMatchObject({ id, reference: 'r-1', metadata: { user: '42' } });
      expect(event.data.verification.to).toBe(`+1••••••••${to.slice(-2)}`);
      expect(Date.parse(event.timestamp)).not.toBeNaN();
    }
    expect(story[3]?.data).not.toHaveProperty('attempt');
    expect(story[3]?.data.verification).toMatchObject({ status: 'approved', checks: { used: 1, max: 5 } });
  });

  it('is delivered again with the same id and bytes until it is taken', async ({ service }) => {
    service.receiver.answerWith({ status: 500 }, { status: 302, headers: { location: '/elsewhere' } });
    const { id } = await service.submit({ to: freshNumber(), workflow: [{ channel: 'sms' }] });

    await expect.poll(() => service.receiver.received.length).toBe(3);

    const [first, ...repeats] = service.receiver.received;
    for (const repeat of repeats) {
      expect(repeat.raw).toBe(first?.raw);
      expect(repeat.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    }
    expect(first?.body.data.verification.id).toBe(id);
    await expect.poll(() => service.queues.callbacks.getCompletedCount()).toBe(1);
  });

  it('is exhausted after the schedule, and never blocks the others', async ({ service }) => {
    service.receiver.answerWith(...Array(4).fill({ status: 500 }));
    const { id } = await service.submit({ to: freshNumber(), workflow: [{ channel: 'sms' }] });
    await expect.poll(() => service.queues.callbacks.getFailedCount()).toBe(1);
    expect(service.receiver.received).toHaveLength(4);

    await service.call('POST', `/v1/verifications/${id}/cancel`);
    await service.receiver.event('verification.canceled', id);
  });

  it('stops at 410', async ({ service }) => {
    service.receiver.answerWith({ status: 410 });
    await service.submit({ to: freshNumber(), workflow: [{ channel: 'sms' }] });

    await expect.poll(() => service.queues.callbacks.getFailedCount()).toBe(1);
    expect((await service.queues.callbacks.getFailed())[0]?.failedReason).toContain('gone');
    expect(service.receiver.received).toHaveLength(1);
  });

  it('goes to callback_url instead of CALLBACK_URL', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber(), callback_url: `${service.receiver.url}/own` });
    await service.receiver.event('verification.attempt.sent', id);

    expect(service.receiver.received).toHaveLength(1);
  });

  it('is not recorded without a target', async () => {
    const service = await startService({ env: { CALLBACK_URL: '' } });
    onTestFinished(() => service.close());
    const to = freshNumber();
    await service.submit({ to });
    await service.sandbox.nextMessage(to);
    await expect.poll(() => service.queues.sms.getCompletedCount()).toBe(1);

    expect(await service.queues.callbacks.getJobCounts()).toMatchObject({ completed: 0, failed: 0 });
    expect(await service.redis.exists('{ringback:0}:due-callbacks')).toBe(0);
  });

  it('is never sent to a private address that no network allows', async () => {
    const service = await startService({ env: { CALLBACK_ALLOW_NETWORKS: '10.0.0.0/8', CALLBACK_URL: '' } });
    onTestFinished(() => service.close());
    const refused = await service.call('POST', '/v1/verifications', {
      to: freshNumber(),
      callback_url: service.receiver.url,
    });
    expect(refused.status).toBe(422);

    // a name is judged where the socket opens
    const url = service.receiver.url.replace('127.0.0.1', 'localhost').replace('http:', 'https:');
    const accepted = await service.call('POST', '/v1/verifications', { to: freshNumber(), callback_url: url });
    expect(accepted.status).toBe(202);
    await expect.poll(() => service.queues.callbacks.getFailedCount()).toBe(1);
    expect((await service.queues.callbacks.getFailed())[0]?.failedReason).toContain('refused');
    expect(service.receiver.received).toHaveLength(0);
  });
});

interface CallbackView {
  id: string;
  event_id: string;
  type: string;
  sequence: number;
  status: string;
  deliveries: { http_status: number | null; detail: string }[];
  next_delivery_at: string | null;
}

describe('the log of callbacks', () => {
  it('shows each one with its deliveries', async ({ service }) => {
    service.receiver.answerWith({ status: 500 });
    const { id } = await service.submit({ to: freshNumber(), workflow: [{ channel: 'sms' }] });
    const { headers } = await service.receiver.event('verification.attempt.sent', id);
    const list = async () =>
      (await service.call<{ data: CallbackView[] }>('GET', `/v1/verifications/${id}/callbacks`)).body;

    await expect.poll(async () => (await list()).data[0]?.status).toBe('delivered');
    expect(await list()).toMatchObject({
      object: 'list',
      next_cursor: null,
      data: [
        {
          event_id: headers['webhook-id'],
          type: 'verification.attempt.sent',
          sequence: 1,
          url: service.receiver.url,
          deliveries: [
            { http_status: 500, detail: 'answered 500' },
            { http_status: 204, detail: 'answered 204' },
          ],
          next_delivery_at: null,
        },
      ],
    });
  });

  it('delivers one again on request: same id, same bytes, on the whole schedule anew', async ({ service }) => {
    service.receiver.answerWith(...Array(4).fill({ status: 500 }));
    const { id } = await service.submit({ to: freshNumber(), workflow: [{ channel: 'sms' }] });
    const read = async () => {
      const { body } = await service.call<{ data: CallbackView[] }>('GET', `/v1/verifications/${id}/callbacks`);
      return body.data[0] as CallbackView;
    };
    await expect.poll(async () => (await read()).status).toBe('exhausted');

    service.receiver.answerWith(...Array(3).fill({ status: 500 }));
    const { status, body } = await service.call('POST', `/v1/callbacks/${(await read()).id}/replay`);

    expect(status).toBe(202);
    expect(body).toMatchObject({ status: 'pending' });
    await expect.poll(async () => (await read()).status).toBe('delivered');
    expect(service.receiver.received).toHaveLength(8);
    expect(new Set(service.receiver.received.map((d) => d.raw)).size).toBe(1);
    expect(new Set(service.receiver.received.map((d) => d.headers['webhook-id'])).size).toBe(1);
  });

  it("hides another key's callbacks", async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', id);
    const { body } = await service.call<{ data: CallbackView[] }>('GET', `/v1/verifications/${id}/callbacks`);
    const other = { authorization: `Bearer ${OTHER_API_KEY}` };

    expect((await service.call('GET', `/v1/verifications/${id}/callbacks`, undefined, other)).status).toBe(404);
    expect((await service.call('POST', `/v1/callbacks/${body.data[0]?.id}/replay`, undefined, other)).status).toBe(404);
    expect((await service.call('POST', '/v1/callbacks/cb_x/replay')).status).toBe(404);
  });
});
