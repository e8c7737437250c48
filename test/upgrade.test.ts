import { describe, expect } from 'vitest';
import { createKeys } from '../src/shared/keys.ts';
import { FIRST_RECORD, FirstCallback, FirstJobs, FirstStoryLine, FirstVerification } from './first-release.ts';
import { freshNumber, it, MINUTE, type Service } from './fixtures.ts';

const keys = createKeys();
const HEX = '00'.padEnd(34, 'a');
const NUMBER_HASH = 'f'.repeat(32);
/** One more like it. */
const another = (digit: string) => HEX.slice(0, -1) + digit;

/** An open verification with one queued text, as the first release left it in Redis when it was stopped. */
async function leaveVerification({ redis, queues, clock }: Service, to: string) {
  const now = clock.now();
  const doc: FirstVerification = [
    1,
    now,
    10 * MINUTE,
    'test',
    to,
    2,
    NUMBER_HASH,
    'US',
    'queued',
    0,
    null,
    0,
    0,
    [['sms', 45], ['call']],
    [[0, 'sms', 'initial', 'queued', 0, 0, null, null, {}]],
    {},
  ];
  const id = `ver_${HEX}` as const;
  const masked = `+1••••••••${to.slice(-2)}`;
  const story = `["verification.created",${now}]\n["attempt.started",${now},{"a":0,"g":"initial"}]\n`;
  await redis.set(keys.verification(id), `1 0123456789ab\n${JSON.stringify(doc)}\n${story}`);
  await redis.set(keys.active('test', NUMBER_HASH), id);
  await redis.zadd(keys.due, now + 10_000, id);
  const backoff = { attempts: 1_000_000, backoff: { type: 'as-stored' } };
  await queues.verifications.add(
    'verification',
    { verification_id: id, to: masked },
    { jobId: id, delay: 45_000, ...backoff },
  );
  await queues.sms.add(
    'attempt',
    { verification_id: id, attempt_id: `att_${HEX}00`, channel: 'sms', to: masked },
    { jobId: `att_${HEX}00`, priority: 5, ...backoff },
  );
  return { id };
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
      await redis.set(keys.callback(id), `1\n${JSON.stringify(made)}\n${body}`);
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

    const read = async (key: string) => {
      const [, , doc = '', rest = ''] = FIRST_RECORD.exec((await service.redis.get(key)) ?? '') ?? [];
      return { doc: JSON.parse(doc), rest };
    };
    const { doc, rest } = await read(keys.verification(id as `ver_${string}`));
    FirstVerification.parse(doc);
    const story = rest.trimEnd().split('\n');
    for (const line of story) FirstStoryLine.parse(JSON.parse(line));
    expect(story).toHaveLength(4); // created, started, skipped, canceled
    for (const { data } of callbacks) FirstCallback.parse((await read(keys.callback(data.callback_id))).doc);
    for (const { data } of jobs.verifications) FirstJobs.verifications.parse(data);
    for (const { data } of jobs.sms) FirstJobs.sms.parse(data);
    for (const { data } of callbacks) FirstJobs.callbacks.parse(data);
    expect([jobs.verifications, jobs.sms, callbacks].map((list) => list.length)).toEqual([1, 1, 1]);
  });
});
