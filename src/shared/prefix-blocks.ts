import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Clock, EpochMs } from './clock.ts';
import type { DecisionLog } from './decision-log.ts';
import type { Keys } from './keys.ts';
import type { RunScript } from './redis-scripts.ts';
import type { Applicant, Rule } from './screening.ts';

/** The actor of what Ringback does by itself. */
export const SYSTEM = 'system';

const BlockedPrefix = z.object({
  /** `+` and 1 to 11 digits: a number without its last four has no more. */
  prefix: z.string(),
  at: z.number(),
  /** It is free again from this moment on, epoch ms. */
  until: z.number(),
  reason: z.string(),
  actor: z.string(),
});
export type BlockedPrefix = z.infer<typeof BlockedPrefix>;

export type PrefixBlocks = ReturnType<typeof createPrefixBlocks>;

interface Deps {
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  clock: Clock;
  decisions: Pick<DecisionLog, 'record'>;
}

/** Keeps the prefixes of numbers that are blocked for a time, by an operator or by the pumping guard. */
export function createPrefixBlocks({ redis, runScript, keys, clock, decisions }: Deps) {
  const parse = (docs: readonly (string | null)[], now: EpochMs): BlockedPrefix[] =>
    docs
      .filter((doc) => doc !== null)
      .map((doc) => BlockedPrefix.parse(JSON.parse(doc)))
      .filter(({ until }) => now < until);

  return {
    /**
     * Blocks every number that begins with `prefix`; one that is blocked already is blocked anew.
     *
     * @param actor - who wants it; {@link SYSTEM}: the guard suspects fraud.
     * @throws {RangeError} when it is not `+` and 1 to 11 digits. A whole number belongs on the block list.
     */
    async blockPrefix(prefix: string, ms: number, reason: string, actor: string): Promise<BlockedPrefix> {
      if (!isPrefix(prefix)) throw new RangeError('a prefix is "+" and 1 to 11 digits');
      const now = Math.floor(clock.now());
      const block: BlockedPrefix = { prefix, at: now, until: now + ms, reason, actor };
      await runScript('blockPrefix', [keys.prefixBlocks], [prefix, JSON.stringify(block), now, block.until]);
      const data = { until: new Date(block.until).toISOString() };
      await decisions.record({ actor, action: 'prefix.blocked', subject: maskPrefix(prefix), reason, data });
      return block;
    },

    /** Frees a prefix at once. @returns whether it was blocked. */
    async unblock(prefix: string, actor: string): Promise<boolean> {
      const removed = await redis.hdel(keys.prefixBlocks, prefix);
      if (removed > 0) await decisions.record({ actor, action: 'prefix.unblocked', subject: maskPrefix(prefix) });
      return removed > 0;
    },

    /** Those that are blocked at the moment, the latest first. */
    async list(): Promise<BlockedPrefix[]> {
      const docs = await redis.hvals(keys.prefixBlocks);
      return parse(docs, clock.now()).sort((a, b) => b.at - a.at);
    },

    /** The blocks that a number falls under at a moment. */
    async of(number: string, now: EpochMs): Promise<BlockedPrefix[]> {
      const prefixes = Array.from({ length: MAX_DIGITS }, (_, i) => number.slice(0, i + 2));
      return parse(await redis.hmget(keys.prefixBlocks, ...new Set(prefixes)), now);
    },
  };
}

/** Refuses numbers by the blocks of an operator, and by those of the guard: two rules that share their look at the blocks. */
export function createPrefixRules(blocks: Pick<PrefixBlocks, 'of'>): Record<'operator' | 'guard', Rule> {
  const looks = new WeakMap<Applicant, Promise<BlockedPrefix[]>>();
  function look(applicant: Applicant): Promise<BlockedPrefix[]> {
    const found = looks.get(applicant) ?? blocks.of(applicant.to, applicant.now);
    looks.set(applicant, found);
    return found;
  }
  const rule = (by: 'operator' | 'guard'): Rule => ({
    async judge(applicant) {
      const found = (await look(applicant)).filter(({ actor }) => (actor === SYSTEM) === (by === 'guard'));
      return {
        findings: found.slice(0, 1).map(({ prefix, until, reason }) => ({
          rule: 'prefix-block',
          mode: 'enforce',
          verdict: { kind: 'blocked', reason: by === 'guard' ? 'suspected_fraud' : 'number_blocked' },
          detail: `${maskPrefix(prefix)} is blocked until ${new Date(until).toISOString()}: ${reason}`,
        })),
      };
    },
  });
  return { operator: rule('operator'), guard: rule('guard') };
}

const MAX_DIGITS = 11;

/** Whether a text can be a blocked prefix. */
export function isPrefix(text: string): boolean {
  return /^\+[1-9]\d{0,10}$/.test(text);
}

/** A prefix as people see it: the digits left out are many numbers. */
export function maskPrefix(prefix: string): string {
  return `${prefix}••••`;
}
