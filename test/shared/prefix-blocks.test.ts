import { describe, expect, it } from 'vitest';
import { createPrefixBlocks } from '../../src/shared/prefix-blocks.ts';
import { createStillClock, HOUR, useStorage } from '../store-model/storage.ts';

const storage = useStorage({ emptied: true });

function openBlocks() {
  const clock = createStillClock();
  const decisions: unknown[] = [];
  const record = async (decision: unknown) => void decisions.push(decision);
  const blocks = createPrefixBlocks({ ...storage, clock, decisions: { record } });
  const of = async (number: string) => (await blocks.of(number, clock.now())).map(({ prefix }) => prefix);
  return { blocks, clock, decisions, of };
}

describe('prefix blocks', () => {
  it('concern the numbers that begin with them, until their time is over', async () => {
    const { blocks, clock, of } = openBlocks();
    await blocks.blockPrefix('+1404555', 12 * HOUR, 'pumping', 'ann');
    expect([await of('+14045550123'), await of('+14045560123')]).toEqual([['+1404555'], []]);
    clock.advance(12 * HOUR - 1);
    expect(await of('+14045550123')).toEqual(['+1404555']);
    clock.advance(1);
    expect([await of('+14045550123'), await blocks.list()]).toEqual([[], []]);
  });

  it('are listed, the latest first, and can be lifted', async () => {
    const { blocks, clock } = openBlocks();
    await blocks.blockPrefix('+44', HOUR, 'one', 'ann');
    clock.advance(1);
    await blocks.blockPrefix('+1404555', HOUR, 'two', 'bob');
    expect((await blocks.list()).map(({ prefix, reason, actor }) => [prefix, reason, actor])).toEqual([
      ['+1404555', 'two', 'bob'],
      ['+44', 'one', 'ann'],
    ]);
    expect([await blocks.unblock('+44', 'bob'), await blocks.unblock('+44', 'bob')]).toEqual([true, false]);
    expect((await blocks.list()).map(({ prefix }) => prefix)).toEqual(['+1404555']);
  });

  it('are written down, and who lifted them', async () => {
    const { blocks, decisions } = openBlocks();
    await blocks.blockPrefix('+1404555', HOUR, 'pumping', 'ann');
    await blocks.unblock('+1404555', 'bob');
    expect(decisions).toMatchObject([
      { actor: 'ann', action: 'prefix.blocked', subject: '+1404555••••', reason: 'pumping' },
      { actor: 'bob', action: 'prefix.unblocked', subject: '+1404555••••' },
    ]);
  });

  it('leave Redis with the last of them', async () => {
    const { blocks, clock } = openBlocks();
    await blocks.blockPrefix('+1', 2 * HOUR, 'long', 'ann');
    await blocks.blockPrefix('+44', HOUR, 'short', 'ann');
    const key = storage.keys.prefixBlocks;
    expect(await storage.redis.pttl(key)).toBeGreaterThan(HOUR);
    clock.advance(HOUR);
    await blocks.blockPrefix('+49', HOUR, 'next', 'ann');
    expect((await storage.redis.hkeys(key)).sort()).toEqual(['+1', '+49']);
  });

  it.each(['', '+', '1404', '+0', '+140455501234', '+1404*'])(
    'are no whole number and nothing else: %s',
    async (prefix) => {
      const { blocks } = openBlocks();
      await expect(blocks.blockPrefix(prefix, HOUR, 'x', 'ann')).rejects.toThrow(RangeError);
    },
  );
});
