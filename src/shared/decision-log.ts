import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock, EpochMs } from './clock.ts';
import type { Keys } from './keys.ts';
import type { RunScript } from './redis-scripts.ts';

/** How many entries stay at most, of one key name as of everything: some 30 MB. */
const MAX_ENTRIES = 100_000;

const Decision = z.object({
  /** `api-key:<name>`, whose request it was; a user of `/admin`; `system`: Ringback by itself. */
  actor: z.string(),
  /** What was decided, dotted: `request.limited`, `prefix.blocked`. */
  action: z.string(),
  /** The name of the API keys that it concerns, which may read it. */
  owner: z.string().optional(),
  /** About what: a masked number or prefix, a country. */
  subject: z.string().optional(),
  reason: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});

/** What limits, rules and the guard decided. It never holds a full number, a code or a secret. */
export type Decision = z.infer<typeof Decision>;

/** `id` starts with `dec_`. */
export type RecordedDecision = Decision & { id: string; at: EpochMs };

export interface DecisionLog {
  /** Never fails: what could not be written is logged as an error. */
  record(decision: Decision): Promise<void>;
  /**
   * Reads the newest first.
   *
   * @param owner - only what concerns this key name; undefined: everything.
   * @param before - id of the last one of a former page.
   */
  read(page: { owner?: string | undefined; before?: string | undefined; limit: number }): Promise<RecordedDecision[]>;
}

interface Deps {
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  clock: Clock;
  /** How long entries stay, `RETENTION`. */
  retentionMs: number;
  log: Pick<Logger, 'info' | 'error'>;
}

/**
 * Keeps what Ringback decided about requests, apart from the audit log of what people did: a flood of requests must not
 * drive that out. The log of the process is told too, and outlives Redis.
 */
export function createDecisionLog({ redis, runScript, keys, clock, retentionMs, log }: Deps): DecisionLog {
  return {
    async record(decision) {
      log.info(decision, 'audit');
      const { owner } = decision;
      const streams = owner === undefined ? [keys.decisions] : [keys.decisions, keys.decisionsOf(owner)];
      const args = [Math.floor(clock.now()), JSON.stringify(decision), retentionMs, MAX_ENTRIES];
      await runScript('recordDecision', streams, args).catch((error: unknown) => {
        log.error({ err: error, action: decision.action }, 'a decision is missing in its log');
      });
    },

    async read({ owner, before, limit }) {
      const from = before === undefined ? '+' : `(${before.slice(PREFIX.length)}`;
      const stream = owner === undefined ? keys.decisions : keys.decisionsOf(owner);
      const oldest = Math.floor(clock.now()) - retentionMs; // trimmed only when the next one comes
      const found = await redis.xrevrange(stream, from, oldest, 'COUNT', limit);
      return found.map(([id, [, doc = '']]) => ({
        id: PREFIX + id,
        at: Number(id.split('-')[0]),
        ...Decision.parse(JSON.parse(doc)),
      }));
    },
  };
}

const PREFIX = 'dec_';

/** Whether a string has the form of a decision's id. */
export function isDecisionId(text: string): boolean {
  return /^dec_\d{1,15}-\d{1,15}$/.test(text);
}
