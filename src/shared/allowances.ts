import type { Redis } from 'ioredis';
import type { EpochMs } from './clock.ts';
import type { Keys } from './keys.ts';
import type { Limit, Window } from './limit.ts';
import type { RunScript } from './redis-scripts.ts';

/** What one limit counts for one subject. */
export interface Counter {
  /** Name of the limit, as the client is told it. */
  limit: string;
  key: string;
  config: Limit;
  /** It may refuse. */
  judged: boolean;
  /** The request is counted in it. */
  counted: boolean;
  /** What it counts is the business of other clients too: they learn nothing from how much is left. */
  shared: boolean;
}

/** A counter for a limit; none when the limit is off. */
export function counterOf(
  keys: Keys,
  limit: string,
  config: Limit | undefined,
  subject: string,
  roles: Partial<Counter>,
): Counter[] {
  if (config === undefined) return [];
  return [{ limit, key: keys.allowance(limit, subject), config, judged: true, counted: true, shared: false, ...roles }];
}

/** One window as the request found it. */
export interface WindowState extends Window {
  /** Requests in it, without this one. */
  used: number;
  /** How long until a full window has room, or one that is not full has more of it; 0: it is empty. */
  resetMs: number;
}

export interface CounterState {
  counter: Counter;
  /** This very request was counted before. */
  known: boolean;
  windows: WindowState[];
}

export type Allowances = ReturnType<typeof createAllowances>;

/**
 * Keeps what the limits have counted: the moment of every request that is still in a window, so that a window slides and
 * its edge is exact. A counter never holds more than its limit allows, because refused requests are not counted.
 *
 * All counters of a request are judged and taken in one script, in one round trip: a request that one limit refuses counts
 * in none. That is why this is not rate-limiter-flexible, which counts one key at a time: its `RateLimiterUnion` has counted
 * everywhere when one of them refuses, it counts refused requests, and its windows follow Redis's TTLs, which no test can move.
 */
export function createAllowances({ redis, runScript }: { redis: Redis; runScript: RunScript }) {
  return {
    /** @param token - names the request: it counts once, however often it is taken. */
    async judge(
      counters: readonly Counter[],
      token: string,
      now: EpochMs,
      { dryRun }: { dryRun: boolean },
    ): Promise<CounterState[]> {
      if (counters.length === 0) return [];
      const asked = counters.map(({ config, judged, counted }) => ({
        windows: config.windows.map(({ count, ms }) => [count, ms]),
        enforced: config.mode === 'enforce',
        judged,
        counted,
      }));
      const keys = counters.map(({ key }) => key);
      const args = [dryRun ? 'look' : 'take', Math.floor(now), token, JSON.stringify(asked)];
      const reply = (await runScript('takeAllowance', keys, args)) as number[][];
      return counters.map((counter, i) => {
        const [known, ...numbers] = reply[i] ?? [];
        const windows = counter.config.windows.map((window, w) => {
          const [used = 0, freeAt = 0] = numbers.slice(2 * w, 2 * w + 2);
          return { ...window, used, resetMs: freeAt === 0 ? 0 : Math.max(0, freeAt - Math.floor(now)) };
        });
        return { counter, known: known === 1, windows };
      });
    },

    /** Takes back what was counted for a request. */
    async release(counters: readonly Counter[], token: string): Promise<void> {
      if (counters.length === 0) return;
      const results = await counters.reduce((pipeline, { key }) => pipeline.zrem(key, token), redis.pipeline()).exec();
      for (const [error] of results ?? []) if (error) throw error;
    },
  };
}

/** Whether a request is over the limit, as the windows of its counter were before it. */
export function isFull({ counter, known }: CounterState, window: WindowState): boolean {
  return counter.judged && !known && window.used >= window.count;
}
