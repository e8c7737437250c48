import { describe, expect } from 'vitest';
import { createKeys } from '../src/shared/keys.ts';
import { FirstCallback, FirstJobs, FirstVerification } from './first-release.ts';
import { freshNumber, it, MINUTE, type Service } from './fixtures.ts';

const keys = createKeys();
const HEX = '00'.padEnd(34, 'a');
/** One more like it. */
const another = (digit: string) => HEX.slice(0, -1) + digit;

/** An open verification with one queued text, as the first release left it in Redis when it was stopped. */
async function leaveVerification({ redis, queues, clock }: Service, to: string): Promise<FirstVerification> {
  const now = clock.now();
  const v: FirstVerification = {
    schema: 1,
    id: `ver_${HEX}`,
    owner: 'test',
    to,
    masked: '+1••••••••23',
    numberHash: 'f'.repeat(64),
    country: 'US',
    from: null,
    message: null,
    codeLength: 6,
    codeType: 'numeric',
    callbackUrl: null,
    reference: null,
    metadata: {},
    workflow: [{ channel: 'sms', timeout: 45 }, { channel: 'call' }],
    currentStep: 0,
    stepStartedAt: now,
    timerAt: null,
    attempts: [
      {
        id: `att_${HEX}`,
        step: 0,
        channel: 'sms',
        trigger: 'initial',
        status: 'queued',
        tries: 0,
        countedTries: 0,
        error: null,
        startedAt: now,
        sentAt: null,
        nextTryAt: now,
        flight: null,
        lostToken: null,
        mfaId: null,
        spent: false,
      },
    ],
    sends: 0,
    maxSends: 4,
    checks: { used: 0, max: 5, inFlight: [] },
    sequence: 0,
    lastTryMisconfigured: false,
    createdAt: now,
    expiresAt: now + 10 * MINUTE,
    status: 'queued',
    reason: null,
    closedAt: null,
  };
  const id = v.id as `ver_${string}`;
  await redis.hset(keys.verification(id), { version: 1, doc: JSON.stringify(v), ops: 'abc' });
  await redis.set(keys.active(v.owner, v.numberHash), id);
  await redis.zadd(keys.due, now + 10_000, id);
  const backoff = { attempts: 1_000_000, backoff: { type: 'as-stored' } };
  await queues.verifications.add(
    'verification',
    { verification_id: id, to: v.masked },
    { jobId: id, delay: 45_000, ...backoff },
  );
  await queues.sms.add(
    'attempt',
    { verification_id: id, attempt_id: v.attempts[0]?.id, channel: 'sms', to: v.masked },
    { jobId: `att_${HEX}`, priority: 5, ...backoff },
  );
  return v;
}

describe('what the first release left behind', () => {
  it('is carried on: an open verification, to its approval', async ({ service }) => {
    const to = freshNumber();
    const { id } = await leaveVerification(service, to);

    const { code } = await service.sandbox.nextMessage(to);
    await service.receiver.event('verification.attempt.sent', id);
    expect(await service.check(id, code)).toMatchObject({ status: 200, body: { approved: true } });
    await service.receiver.event('verification.approved', id);
    expect(await service.read(id)).toMatchObject({ status: 'approved', attempts: [{ status: 'sent' }] });
  });

  it('is carried on: its alarm, to the call', async ({ service }) => {
    const to = freshNumber();
    const { id } = await leaveVerification(service, to);
    await service.receiver.event('verification.attempt.sent', id);

    await service.advance(46_000);

    const { body } = await service.receiver.event('verification.fallback', id);
    expect(body.data.attempt).toMatchObject({ channel: 'call', trigger: 'timeout' });
  });

  it('is delivered: a callback with its job, and one whose job is gone', async ({ service }) => {
    const { redis, queues, clock, receiver } = service;
    const now = clock.now();
    const body = JSON.stringify({ type: 'verification.expired', timestamp: new Date(now).toISOString(), data: {} });
    const callback = (n: string): FirstCallback => ({
      schema: 1,
      id: `cb_${another(n)}`,
      eventId: `evt_${another(n)}`,
      verificationId: `ver_${HEX}`,
      owner: 'test',
      type: 'verification.expired',
      sequence: 1,
      url: receiver.url,
      status: 'pending',
      deliveries: [],
      nextAt: now,
      createdAt: now,
    });
    for (const made of [callback('1'), callback('2')]) {
      const id = made.id as `cb_${string}`;
      await redis.hset(keys.callback(id), { version: 1, doc: JSON.stringify(made), body });
      await redis.zadd(keys.dueCallbacks, now - MINUTE, id);
    }
    const data = { callback_id: `cb_${another('1')}`, verification_id: `ver_${HEX}`, type: 'verification.expired' };
    await queues.callbacks.add('verification.expired', data, { jobId: data.callback_id });

    await expect
      .poll(() => receiver.received.map(({ headers }) => headers['webhook-id']).sort(), { timeout: 8_000 })
      .toEqual([`evt_${another('1')}`, `evt_${another('2')}`]);
    receiver.faults.length = 0; // the events of this test have no data
  });
});

describe('what this release writes', () => {
  it('is read by a process of the first one, which may still run', async ({ service }) => {
    await service.queues.sms.pause();
    const { id } = await service.submit({ to: freshNumber(), client_ip: '203.0.113.7' });
    const jobs = {
      verifications: await service.queues.verifications.getJobs(['delayed']),
      sms: await service.queues.sms.getJobs(['prioritized', 'wait']),
    };
    await service.queues.callbacks.pause();
    await service.call('POST', `/v1/verifications/${id}/cancel`);
    const callbacks = await service.queues.callbacks.getJobs(['wait']);

    const read = async (key: string) => JSON.parse((await service.redis.hget(key, 'doc')) ?? '');
    FirstVerification.parse(await read(keys.verification(id as `ver_${string}`)));
    for (const { data } of callbacks) FirstCallback.parse(await read(keys.callback(data.callback_id)));
    for (const { data } of jobs.verifications) FirstJobs.verifications.parse(data);
    for (const { data } of jobs.sms) FirstJobs.sms.parse(data);
    for (const { data } of callbacks) FirstJobs.callbacks.parse(data);
    expect([jobs.verifications, jobs.sms, callbacks].map((list) => list.length)).toEqual([1, 1, 1]);
  });
});
