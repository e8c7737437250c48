import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Channel } from './channel.ts';
import type { SendOutcome } from './classify-send.ts';
import type { Clock, EpochMs } from './clock.ts';
import { bucketOf } from './histogram.ts';
import type { Keys } from './keys.ts';
import { isClosed } from './verification.ts';
import type { Change } from './verification-store.ts';

/** What is counted together: one hash for each hour. */
export type TallyKind = 'verifications' | 'tries' | 'callbacks' | 'load';
/** What a count is of: its name, then what tells it from others of that name. None holds a number, a code or a path. */
export type Tally = readonly [name: string, ...labels: (string | number)[]];
/** The counts of one hour. */
export interface HourlyTallies {
  /** Beginning of the hour, epoch ms. */
  at: EpochMs;
  counts: readonly { tally: readonly string[]; count: number }[];
}

export const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** How long the counts of an hour are kept. */
export const KEPT_MS = 8 * 24 * HOUR_MS;
const FLUSH_MS = 1_000;
const SEPARATOR = '|';

interface Deps {
  redis: Redis;
  /** Those of the root: an hour is one over all partitions. */
  keys: Keys;
  clock: Clock;
  log: Logger;
}

export type Tallies = ReturnType<typeof createTallies>;

/**
 * Counts what happens, over all processes, for the operator's console. Counts are gathered in memory and written every
 * second, so a process that is killed takes at most its last second of them along; a batch whose write fails is dropped,
 * since it may have been counted. Nothing is decided by these counts.
 */
export function createTallies({ redis, keys, clock, log }: Deps) {
  let waiting = new Map<string, Map<string, number>>();

  function count(kind: TallyKind, tally: Tally): void {
    const key = keys.tally(kind, Math.floor(clock.now() / HOUR_MS));
    const counts = waiting.get(key) ?? new Map<string, number>();
    const field = tally.join(SEPARATOR);
    waiting.set(key, counts.set(field, (counts.get(field) ?? 0) + 1));
  }

  async function flush(): Promise<void> {
    if (waiting.size === 0) return;
    const batch = waiting;
    waiting = new Map();
    const pipeline = redis.pipeline();
    for (const [key, counts] of batch) {
      for (const [field, by] of counts) pipeline.hincrby(key, field, by);
      pipeline.pexpire(key, KEPT_MS);
    }
    const results = await pipeline.exec().catch((error: Error) => [[error] as const]);
    const failed = results?.find(([error]) => error !== null)?.[0];
    if (failed) log.warn({ reason: failed.message }, "a second's counts for the console are lost");
  }

  const timer = setInterval(() => void flush(), FLUSH_MS);
  timer.unref();

  return {
    /** Counts what a stored change tells. */
    countChange(change: Change): void {
      for (const tally of talliesOf(change)) count('verifications', tally);
    },

    /** Counts a request that was made to SignalWire. */
    countTry(channel: Channel, outcome: SendOutcome): void {
      const code = 'providerCode' in outcome ? outcome.providerCode : undefined;
      const status = outcome.kind === 'sent' ? null : outcome.httpStatus;
      count('tries', ['try', channel, outcome.kind, code ?? status ?? '']);
      count('load', ['try', channel, Math.floor(clock.now() / MINUTE_MS)]);
    },

    /** Counts a delivery. @param target - id of the endpoint, else the origin that it went to. */
    countDelivery(owner: string, target: string, outcome: string, latencyMs: number): void {
      count('callbacks', ['delivery', owner, target, outcome]);
      if (outcome !== 'withdrawn') count('callbacks', ['latency', owner, target, bucketOf(latencyMs)]);
    },

    /** The counts of the last hours, the current one included, oldest first. */
    async read(kind: TallyKind, hours: number): Promise<HourlyTallies[]> {
      const last = Math.floor(clock.now() / HOUR_MS);
      const wanted = Array.from({ length: hours }, (_, i) => last - hours + 1 + i);
      const pipeline = redis.pipeline();
      for (const hour of wanted) pipeline.hgetall(keys.tally(kind, hour));
      const found = (await pipeline.exec()) ?? [];
      return wanted.map((hour, i) => {
        const [error, fields] = found[i] ?? [null, {}];
        if (error) throw error;
        const counts = Object.entries(fields as Record<string, string>).map(([field, value]) => ({
          tally: field.split(SEPARATOR),
          count: Number(value),
        }));
        return { at: hour * HOUR_MS, counts };
      });
    },

    /** Writes what is still in memory. */
    async close(): Promise<void> {
      clearInterval(timer);
      await flush();
    },
  };
}

/** What a stored change adds to the counts. */
export function talliesOf({ before, after, facts, story }: Change): Tally[] {
  const tallies: Tally[] = [];
  const country = after.country ?? '';
  if (before === null) tallies.push(['created', country]);
  for (const attempt of after.attempts) {
    const was = before?.attempts.find(({ id }) => id === attempt.id);
    if (attempt.status === 'sending' && was?.status === 'queued' && attempt.flight) {
      tallies.push(['wait', attempt.channel, bucketOf(attempt.flight.at - was.nextTryAt)]);
    }
    if (attempt.sentAt !== null && (was === undefined || was.sentAt === null)) {
      tallies.push(['to_send', attempt.channel, bucketOf(attempt.sentAt - attempt.startedAt)]);
    }
  }
  for (const { type, attempt } of facts) {
    if (type === 'verification.fallback' && attempt) tallies.push(['fallback', attempt.channel, attempt.trigger]);
  }
  for (const { type } of story) {
    if (type.startsWith('check.')) tallies.push(['check', type.slice('check.'.length)]);
  }
  if (isClosed(after) && (before === null || !isClosed(before))) {
    const newest = after.attempts.findLast(({ sentAt }) => sentAt !== null);
    tallies.push(['ended', after.status, after.reason ?? '', country, newest?.channel ?? '']);
    if (after.status === 'approved') tallies.push(['to_approve', bucketOf(after.closedAt - after.createdAt)]);
  }
  return tallies;
}
