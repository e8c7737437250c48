import { describe, expect, it } from 'vitest';
import { createDecisionLog } from '../../src/shared/decision-log.ts';
import { useStorage } from '../store-model/storage.ts';

const storage = useStorage({ emptied: true });

function openLog({ retentionMs = 10_000 } = {}) {
  let now = 1_000_000;
  const logged: unknown[] = [];
  const errors: unknown[] = [];
  const log = { info: (entry: unknown) => logged.push(entry), error: (entry: unknown) => errors.push(entry) };
  const { redis, runScript, keys } = storage;
  const decisions = createDecisionLog({
    redis,
    runScript,
    keys,
    clock: { now: () => now },
    retentionMs,
    log: log as never,
  });
  return {
    decisions,
    logged,
    errors,
    /** Records one action per name, all in the same millisecond. */
    async record(...actions: string[]) {
      for (const action of actions) await decisions.record({ actor: 'cli', action, owner: action.split('.')[0] ?? '' });
    },
    actions: async (owner?: string) => (await decisions.read({ owner, limit: 100 })).map(({ action }) => action),
    goTo: (at: number) => {
      now = at;
    },
  };
}

describe('the log of decisions', () => {
  it('tells the newest first, everything or what concerns one name', async () => {
    const { record, actions } = openLog();
    await record('shop.a', 'bank.b', 'shop.c');
    expect(await actions()).toEqual(['shop.c', 'bank.b', 'shop.a']);
    expect(await actions('shop')).toEqual(['shop.c', 'shop.a']);
    expect(await actions('nobody')).toEqual([]);
  });

  it('gives back what was recorded, with its time', async () => {
    const { decisions, logged } = openLog();
    const entry = {
      actor: 'admin:ann',
      action: 'prefix.blocked',
      subject: '+1212555••••',
      reason: 'r',
      data: { ms: 1 },
    };
    await decisions.record(entry);
    expect(await decisions.read({ limit: 1 })).toEqual([
      { id: expect.stringMatching(/^dec_/), at: 1_000_000, ...entry },
    ]);
    expect(logged).toEqual([entry]);
  });

  it('reads on behind an entry, while others are added', async () => {
    const { decisions, record } = openLog();
    await record('a.1', 'a.2', 'a.3');
    const [, second] = await decisions.read({ limit: 2 });
    await record('a.4');
    expect((await decisions.read({ before: second?.id, limit: 2 })).map(({ action }) => action)).toEqual(['a.1']);
  });

  it('keeps the order when the clock goes back', async () => {
    const { record, actions, goTo } = openLog();
    await record('a.1');
    goTo(999_000);
    await record('a.2');
    expect(await actions()).toEqual(['a.2', 'a.1']);
  });

  it('forgets what is older than the retention, at the latest when the next one comes', async () => {
    const { record, actions, goTo } = openLog();
    await record('a.old');
    goTo(1_010_001);
    expect(await actions()).toEqual([]);
    await record('a.new');
    expect(await storage.redis.xlen(storage.keys.decisions)).toBe(1);
    expect(await storage.redis.pttl(storage.keys.decisionsOf('a'))).toBeGreaterThan(0);
  });

  it('fails nothing when it cannot be written, and logs that', async () => {
    const { decisions, errors } = openLog();
    await storage.redis.set(storage.keys.decisions, 'no stream');
    await decisions.record({ actor: 'cli', action: 'api-key.created' });
    expect(errors).toEqual([expect.objectContaining({ action: 'api-key.created' })]);
  });
});
