import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Clock } from './clock.ts';

/** Who did what. Never a code, a full number or a secret: it is read by people and kept for long. */
export interface AuditEntry {
  /** A user of `/admin`, `oidc:` and an e-mail address, `cli:` and the user of the machine, or `api-key:` and its name. */
  actor: string;
  /** What was done, dotted, such as `queues.pause` or `api-key.revoked`. */
  action: string;
  /** The name of the API keys that it concerns. */
  owner?: string | undefined;
  /** What it was done to. */
  subject?: string | undefined;
  reason?: string | undefined;
  data?: Readonly<Record<string, unknown>> | undefined;
}

const Recorded = z.object({
  at: z.iso.datetime(),
  actor: z.string(),
  action: z.string(),
  owner: z.string().optional(),
  subject: z.string().optional(),
  reason: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});
export type Recorded = z.infer<typeof Recorded> & { id: string };

/** The oldest entries give way to new ones; about 30 MB. */
const MOST_ENTRIES = 100_000;

export type AuditLog = ReturnType<typeof createAuditLog>;

interface Deps {
  redis: Redis;
  /** Key of the stream. */
  stream: string;
  clock: Clock;
}

/** Keeps what people did to the service, as opposed to what the service did for its clients. */
export function createAuditLog({ redis, stream, clock }: Deps) {
  return {
    /** Writes an entry; whoever must not act unseen waits for it first. */
    async record(entry: AuditEntry): Promise<void> {
      const doc = JSON.stringify({ at: new Date(clock.now()).toISOString(), ...entry });
      await redis.xadd(stream, 'MAXLEN', '~', MOST_ENTRIES, '*', 'doc', doc);
    },

    /** The latest entries, the newest first. @param before - id of the entry that they come before. */
    async list(limit: number, before?: string): Promise<Recorded[]> {
      const from = before === undefined ? '+' : `(${before}`;
      const found = await redis.xrevrange(stream, from, '-', 'COUNT', limit);
      return found.map(([id, [, doc = '{}']]) => ({ id, ...Recorded.parse(JSON.parse(doc)) }));
    },
  };
}
