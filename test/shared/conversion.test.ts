import { describe, expect, it } from 'vitest';
import { createConversions } from '../../src/shared/conversion.ts';
import type { Change } from '../../src/shared/verification-store.ts';
import { createStillClock, HOUR, MINUTE, START, useStorage } from '../store-model/storage.ts';

const storage = useStorage({ emptied: true });

function open() {
  const clock = createStillClock();
  const errors: unknown[] = [];
  const log = { error: (entry: unknown) => void errors.push(entry) };
  const conversions = createConversions({ ...storage, clock, log });
  return {
    clock,
    errors,
    /** Counts a change of a verification made at the start: `from` and `to` are the statuses of its attempt. */
    async count(from: string | null, to: string, status = 'pending', createdAt = START) {
      const base = { to: '+14045550123', country: 'US', createdAt };
      const before = from && { ...base, status: 'queued', attempts: [{ status: from }] };
      const after = { ...base, status, attempts: [{ status: to }] };
      await conversions.count({ before, after } as unknown as Change);
    },
    read: async (at: number, subject = '+1404555') => (await conversions.read([subject], START + at))[0],
  };
}

describe('the conversion', () => {
  it('counts a verification once, when its first code is sent, and once more when it is approved', async () => {
    const { count, read } = open();
    await count(null, 'queued');
    await count('queued', 'sending');
    await count('sending', 'sent');
    await count('sent', 'sent');
    await count('sent', 'sent', 'approved');
    const counted = { sent: 1, approved: 1, approvedSoFar: 1 };
    expect([await read(10 * MINUTE), await read(10 * MINUTE, 'US')]).toEqual([counted, counted]);
  });

  it('has one sent whose answer was lost, when its code is entered', async () => {
    const { count, read } = open();
    await count('sending', 'unknown');
    expect(await read(10 * MINUTE)).toMatchObject({ sent: 0 });
    await count('unknown', 'unknown', 'approved');
    expect(await read(10 * MINUTE)).toMatchObject({ sent: 1, approved: 1 });
  });

  it('looks at those between three minutes and an hour old', async () => {
    const { count, read } = open();
    await count('sent', 'sent', 'approved');
    await count('sending', 'sent');
    expect(await read(4 * MINUTE - 1)).toEqual({ sent: 0, approved: 0, approvedSoFar: 1 });
    expect(await read(4 * MINUTE)).toEqual({ sent: 1, approved: 1, approvedSoFar: 1 });
    expect(await read(HOUR - 1)).toEqual({ sent: 1, approved: 1, approvedSoFar: 1 });
    expect(await read(HOUR)).toEqual({ sent: 0, approved: 0, approvedSoFar: 0 });
  });

  it('forgets minutes that nobody looks at any more', async () => {
    const { count, clock } = open();
    const key = storage.keys.conversion('+1404555');
    await count('sending', 'sent');
    clock.advance(HOUR + MINUTE);
    await count('sending', 'sent', 'pending', START + HOUR + MINUTE);
    const minute = (START + HOUR + MINUTE) / MINUTE;
    expect(await storage.redis.hkeys(key)).toEqual([`${minute}:sent`, `${minute}:approved`]);
  });

  it('fails nothing when it cannot be counted, and logs that', async () => {
    const { count, errors } = open();
    await storage.redis.set(storage.keys.conversion('US'), 'no hash');
    await count('sending', 'sent');
    expect(errors).toHaveLength(1);
  });
});
