import { describe, expect, it } from 'vitest';
import { createTroubleBoard } from '../../src/shared/trouble.ts';
import { MINUTE, START, useStorage } from '../store-model/storage.ts';

const storage = useStorage({ emptied: true });

const board = () => createTroubleBoard(storage);

describe('trouble at SignalWire', () => {
  it('is seen by every process, with the moment it began', async () => {
    const reporter = board();
    await reporter.report({ channel: 'sms', code: 'misconfigured', detail: 'HTTP 401' }, START);
    await reporter.report({ channel: 'sms', code: 'misconfigured', detail: 'HTTP 403' }, START + MINUTE);

    expect(await board().list()).toEqual([
      { channel: 'sms', code: 'misconfigured', detail: 'HTTP 403', since: new Date(START).toISOString() },
    ]);
  });

  it('is kept apart by channel and kind', async () => {
    const reporter = board();
    await reporter.report({ channel: 'call', code: 'account', detail: 'a' }, START);
    await reporter.report({ channel: 'sms', code: 'account', detail: 'b' }, START);
    await reporter.report({ channel: 'sms', code: 'misconfigured', detail: 'c' }, START);

    expect((await reporter.list()).map((t) => `${t.channel}:${t.code}:${t.detail}`).sort()).toEqual([
      'call:account:a',
      'sms:account:b',
      'sms:misconfigured:c',
    ]);
  });

  it('is forgotten when nothing repeats it, but not between two tries of a misconfigured account', async () => {
    await board().report({ channel: 'sms', code: 'account', detail: 'balance' }, START);

    const ttl = await storage.redis.pttl(storage.keys.degraded('sms:account'));
    expect(ttl).toBeGreaterThan(MINUTE);
    expect(ttl).toBeLessThanOrEqual(2 * MINUTE);
  });

  it('is over on the channel that works again, and on no other', async () => {
    const reporter = board();
    for (const channel of ['sms', 'call'] as const)
      await reporter.report({ channel, code: 'misconfigured', detail: 'HTTP 401' }, START);

    await reporter.clear('sms', ['misconfigured', 'account']);

    expect(await reporter.list()).toMatchObject([{ channel: 'call' }]);
  });
});
