import { describe, expect, it } from 'vitest';
import { type Counter, createAllowances } from '../../src/shared/allowances.ts';
import { findingsOf } from '../../src/shared/limits.ts';
import { START, useStorage } from '../store-model/storage.ts';

const storage = useStorage({ emptied: true });

/** `windows` of [count, seconds]. */
function counter(key: string, windows: [count: number, seconds: number][], given: Partial<Counter> = {}): Counter {
  const config = { mode: 'enforce' as const, windows: windows.map(([count, s]) => ({ count, ms: s * 1_000 })) };
  return { limit: key, key, config, judged: true, counted: true, shared: false, ...given };
}

const watched = (c: Counter): Counter => ({ ...c, config: { ...c.config, mode: 'monitor' } });

/** Asks at so many seconds after the start; what is against it, as `limit` and seconds to wait. */
async function ask(counters: Counter[], at: number, { token = `at ${at}`, dryRun = false } = {}) {
  const allowances = createAllowances(storage);
  const states = await allowances.judge(counters, token, START + at * 1_000, { dryRun });
  return findingsOf(states).map(
    ({ verdict }) => verdict.kind === 'limited' && [verdict.limit, verdict.retryAfterMs / 1_000],
  );
}

const held = async (...keys: string[]) => Promise.all(keys.map((key) => storage.redis.zcard(key)));

describe('what a request is allowed', () => {
  it('slides: a place is free again exactly when its request is a window old', async () => {
    const c = [counter('a', [[2, 10]])];
    expect([await ask(c, 0), await ask(c, 4)]).toEqual([[], []]);
    expect(await ask(c, 9.999)).toEqual([['a', 0.001]]);
    expect(await ask(c, 10)).toEqual([]);
    expect(await ask(c, 10.5)).toEqual([['a', 3.5]]);
    expect(await ask(c, 14)).toEqual([]);
  });

  it('is what all of its windows leave; the longest wait is told', async () => {
    const c = [
      counter('a', [
        [1, 10],
        [2, 100],
      ]),
    ];
    expect([await ask(c, 0), await ask(c, 10)]).toEqual([[], []]);
    expect(await ask(c, 11)).toEqual([['a', 89]]);
    expect(await ask(c, 100)).toEqual([]);
  });

  it('is counted everywhere or nowhere', async () => {
    const c = [counter('wide', [[9, 10]]), counter('narrow', [[1, 10]]), counter('last', [[9, 10]])];
    await ask(c, 0);
    expect(await ask(c, 1)).toEqual([['narrow', 9]]);
    expect(await held('wide', 'narrow', 'last')).toEqual([1, 1, 1]);
  });

  it('is not refused by a limit that only watches, which counts as if it had refused', async () => {
    const c = [watched(counter('watched', [[1, 10]])), counter('other', [[9, 10]])];
    await ask(c, 0);
    expect(await ask(c, 1)).toEqual([['watched', 9]]);
    expect(await held('watched', 'other')).toEqual([1, 2]);
    expect(await ask(c, 10)).toEqual([]);
  });

  it('is counted once for one token, and that one is not refused', async () => {
    const c = [counter('a', [[1, 10]])];
    await ask(c, 0, { token: 'same' });
    expect(await ask(c, 5, { token: 'same' })).toEqual([]);
    expect(await held('a')).toEqual([1]);
    await ask([...c, counter('b', [[1, 10]])], 6, { token: 'same' });
    expect(await held('a', 'b')).toEqual([1, 1]);
    expect(await ask(c, 10)).toEqual([]); // it still counts from its first moment
  });

  it('may be looked at without being taken', async () => {
    const c = [counter('a', [[1, 10]])];
    expect(await ask(c, 0, { dryRun: true })).toEqual([]);
    expect(await held('a')).toEqual([0]);
    await ask(c, 0);
    expect(await ask(c, 1, { dryRun: true })).toEqual([['a', 9]]);
  });

  it('is judged without being counted, or counted without being judged, where it is said so', async () => {
    const judged = [counter('a', [[1, 10]], { counted: false })];
    const counted = [counter('a', [[1, 10]], { judged: false })];
    expect(await ask(judged, 0)).toEqual([]);
    expect(await held('a')).toEqual([0]);
    expect([await ask(counted, 1), await ask(counted, 2)]).toEqual([[], []]);
    expect(await held('a')).toEqual([2]);
    expect(await ask(judged, 3)).toEqual([['a', 9]]);
  });

  it('is given back', async () => {
    const c = [counter('a', [[1, 10]]), counter('b', [[1, 10]])];
    await ask(c, 0, { token: 'refused elsewhere' });
    await createAllowances(storage).release(c, 'refused elsewhere');
    expect(await held('a', 'b')).toEqual([0, 0]);
    expect(await ask(c, 1)).toEqual([]);
  });

  it('keeps no more than its longest window, and nothing for ever', async () => {
    const c = [
      counter('a', [
        [5, 10],
        [9, 60],
      ]),
    ];
    for (const at of [0, 20, 40, 61]) await ask(c, at);
    expect(await storage.redis.zrange('a', '0', '-1')).toEqual(['at 20', 'at 40', 'at 61']);
    const ttl = await storage.redis.pttl('a');
    expect(ttl).toBeGreaterThan(59_000);
    expect(ttl).toBeLessThanOrEqual(60_000);
  });

  it('is not more for a clock that is behind: what was counted later counts too', async () => {
    const c = [counter('a', [[1, 10]])];
    await ask(c, 5);
    expect(await ask(c, 0)).toEqual([['a', 15]]);
  });
});
