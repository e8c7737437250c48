import { describe, expect, onTestFinished } from 'vitest';
import { everythingIn, freshNumber, it, SECOND, type Service, startService } from '../fixtures.ts';

/** A verification whose text has arrived, and the code in it. */
async function texted(service: Service, body: Record<string, unknown> = {}) {
  const to = freshNumber();
  const { id } = await service.submit({ to, ...body });
  await service.receiver.event('verification.attempt.sent', id);
  const { code } = await service.sandbox.nextMessage(to);
  const wrong = code === '000000' ? '000001' : '000000';
  return { id, to, code, wrong };
}

const PATH = (id: string) => `/v1/verifications/${id}/checks`;

describe('checking a code', () => {
  it('approves the verification and reports it', async ({ service }) => {
    const { id, code } = await texted(service);
    const answer = await service.check(id, code);

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      approved: true,
      checks: { used: 1, max: 5 },
      verification: { id, status: 'approved', reason: null, next_attempt: null },
    });
    const { body } = await service.receiver.event('verification.approved', id);
    expect(body.data.sequence).toBe(2);
  });

  it('drops spaces and hyphens', async ({ service }) => {
    const { id, code } = await texted(service);

    expect((await service.check(id, ` ${code.slice(0, 3)}-${code.slice(3)} `)).body.approved).toBe(true);
  });

  it('counts a wrong code', async ({ service }) => {
    const { id, wrong, code } = await texted(service);

    expect((await service.check(id, wrong)).body).toMatchObject({
      approved: false,
      checks: { used: 1 },
      verification: { status: 'pending' },
    });
    expect((await service.check(id, code)).body).toMatchObject({ approved: true, checks: { used: 2 } });
  });

  it('counts a code of the wrong length or alphabet without asking SignalWire', async ({ service }) => {
    const { id } = await texted(service);
    const asked = service.sandbox.requests.length;

    expect((await service.check(id, '12345')).body).toMatchObject({ approved: false, checks: { used: 1 } });
    expect((await service.check(id, '12345a')).body).toMatchObject({ approved: false, checks: { used: 2 } });
    expect(service.sandbox.requests).toHaveLength(asked);
  });

  it.for(['123', 'x'.repeat(21), '12_456', '１２３４５６', ''])(
    'refuses %j without counting it',
    async (code, { service }) => {
      const { id } = await texted(service);

      expect((await service.check(id, code)).status).toBe(422);
      expect((await service.read(id)).checks.used).toBe(0);
    },
  );

  it('closes after the last wrong code', async ({ service }) => {
    const { id, wrong, code } = await texted(service, { max_checks: 2 });
    await service.check(id, wrong);

    expect((await service.check(id, wrong)).body).toMatchObject({
      approved: false,
      checks: { used: 2, max: 2 },
      verification: { status: 'failed', reason: 'too_many_checks' },
    });
    const late = await service.call('POST', PATH(id), { code });
    expect(late.status).toBe(410);
    expect(late.body).toMatchObject({
      code: 'verification-closed',
      reason: 'too_many_checks',
      verification: { status: 'failed' },
    });
  });

  it('never lets parallel guesses exceed max_checks', async ({ service }) => {
    const { id, wrong } = await texted(service);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => service.call('POST', PATH(id), { code: wrong })),
    );

    expect(service.sandbox.requests.filter((r) => r.operation === 'verify')).toHaveLength(5);
    expect(answers.filter((a) => a.status === 200)).toHaveLength(5);
    expect(answers.filter((a) => a.status !== 200).every((a) => a.status === 410 || a.status === 429)).toBe(true);
    expect(await service.read(id)).toMatchObject({ status: 'failed', checks: { used: 5 } });
  });

  it('approves once when the right code comes twice at once', async ({ service }) => {
    const { id, code } = await texted(service);
    const answers = await Promise.all([service.check(id, code), service.check(id, code)]);

    expect(answers.filter((a) => a.status === 200 && a.body.approved)).toHaveLength(1);
    const approved = service.receiver.received.filter((d) => d.body.type === 'verification.approved');
    await service.receiver.event('verification.approved', id);
    expect(approved.length).toBeLessThanOrEqual(1);
  });

  it('takes both codes after a fallback', async ({ service }) => {
    const { id, to, code } = await texted(service, { workflow: [{ channel: 'sms', timeout: 5 }, { channel: 'call' }] });
    await service.advance(5 * SECOND);
    await service.receiver.first(
      (d) => d.body.type === 'verification.attempt.sent' && d.body.data.attempt?.channel === 'call',
    );
    const messages = service.sandbox.messages(to);
    expect(messages.map((m) => m.channel).sort()).toEqual(['call', 'sms']);

    expect((await service.check(id, code)).body.approved).toBe(true);
  });

  it('is too early before a code is accepted', async ({ service }) => {
    const to = freshNumber();
    service.sandbox.behave({ to }, () => ({ status: 401 }));
    const { id } = await service.submit({ to });

    expect((await service.call('POST', PATH(id), { code: '123456' })).body).toMatchObject({
      status: 409,
      code: 'no-code-sent',
    });
  });

  it('finds no live code once SignalWire knows none, and gives the check back', async ({ service }) => {
    const { id, code } = await texted(service);
    service.sandbox.behave({ operation: 'verify' }, [{ status: 404, body: { error: 'Not Found' } }]);

    expect((await service.call('POST', PATH(id), { code })).body).toMatchObject({ status: 409, code: 'no-live-code' });
    expect((await service.read(id)).checks.used).toBe(0);
    expect((await service.call('POST', PATH(id), { code })).body).toMatchObject({ status: 409, code: 'no-live-code' });
  });

  it.for([401, 403, 429, 503])(
    'gives the check back when SignalWire cannot be asked (%i)',
    async (status, { service }) => {
      const { id, code } = await texted(service);
      service.sandbox.behave({ operation: 'verify' }, [{ status }]);
      const answer = await service.call('POST', PATH(id), { code });

      expect(answer.body).toMatchObject({ status: 503, code: 'provider-unavailable' });
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
      expect((await service.read(id)).checks.used).toBe(0);
      expect((await service.check(id, code)).body.approved).toBe(true);
    },
  );

  it.for([{ status: 500 }, { status: 200, raw: 'ok' }, 'accept-then-cut'] as const)(
    'counts the check when the answer is lost (%j)',
    async (behaviour, { service }) => {
      const { id, code } = await texted(service);
      service.sandbox.behave({ operation: 'verify' }, [behaviour]);

      expect((await service.call('POST', PATH(id), { code })).body).toMatchObject({
        status: 503,
        code: 'check-inconclusive',
      });
      expect((await service.read(id)).checks.used).toBe(1);
      expect(service.sandbox.requests.filter((r) => r.operation === 'verify')).toHaveLength(1);
    },
  );

  it('refuses the right code once it has expired, although no job ran', async () => {
    const service = await startService({ workers: 0 });
    onTestFinished(() => service.close());
    const { id } = await service.submit({ to: freshNumber() });
    service.clock.advance(600 * SECOND);

    expect((await service.call('POST', PATH(id), { code: '123456' })).status).toBe(410);
    expect(await service.read(id)).toMatchObject({ status: 'failed', reason: 'delivery_failed' });
  });

  it('leaves no trace of the code', async ({ service }) => {
    // long enough that no id or time contains it by chance
    const { id, to, code } = await texted(service, { code_length: 12 });
    await service.check(id, '000000000000');
    await service.check(id, code);
    await service.receiver.event('verification.approved', id);

    expect(await everythingIn(service.redis)).not.toContain(code);
    const said = [...service.logged, ...service.receiver.received.map((d) => d.raw)].join();
    expect(said).not.toContain(code);
    expect(said).not.toContain(to.slice(2));
  });
});
