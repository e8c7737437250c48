import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { createCallbackStore } from '../../src/shared/callback-store.ts';
import type { Channel } from '../../src/shared/channel.ts';
import type { EpochMs } from '../../src/shared/clock.ts';
import { open, type Policy } from '../../src/shared/decide.ts';
import { createEndpointStore } from '../../src/shared/endpoint-store.ts';
import { newVerificationId, type RandomHex, type VerificationId } from '../../src/shared/ids.ts';
import { createKeys } from '../../src/shared/keys.ts';
import { createNumberCipher, type EncryptionKey } from '../../src/shared/number-cipher.ts';
import { createRunScript, type RunScript } from '../../src/shared/redis-scripts.ts';
import type { ConfirmRecord } from '../../src/shared/replication.ts';
import type { OpenVerification } from '../../src/shared/verification.ts';
import { createVerificationStore } from '../../src/shared/verification-store.ts';
import { ownDatabase } from '../fixtures.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
/** Far ahead, so that Redis's own clock never makes a record vanish in the middle of a test. */
export const START = Date.UTC(2100, 0, 1);
export const RETENTION_MS = 30 * 24 * HOUR;
export const CALLBACK_URL = 'https://client.example/hooks';

export const POLICY: Policy = {
  sendTries: 3,
  backoffMs: 500,
  backoffMaxMs: 15 * SECOND,
  intentTtlMs: 13 * SECOND,
  resendCooldownMs: 30 * SECOND,
  numberRetentionMs: 24 * HOUR,
};

/** A clock that stands still until it is moved. */
export function createStillClock(at: EpochMs = START) {
  let now = at;
  return {
    now: () => now,
    advance(ms: number) {
      now += ms;
    },
  };
}

export interface Draft {
  steps?: { channel: Channel; timeout?: number }[];
  owner?: string;
  numberHash?: string;
  expiresInMs?: number;
  maxSends?: number;
  maxChecks?: number;
  callbackUrl?: string | null;
}

export interface StoreOptions {
  runScript?: RunScript;
  confirmRecord?: ConfirmRecord;
  redis?: Redis;
  policy?: Policy;
  callbackUrl?: string | undefined;
  random?: RandomHex;
  encryptionKeys?: readonly EncryptionKey[];
}

export type Storage = Awaited<ReturnType<typeof openStorage>>;

/** `REDIS_WAIT_REPLICAS=0` */
export const NO_REPLICAS = { confirmReplicated: async () => {}, confirmRecord: async () => true };

/** The storage of a file's tests, there once they run. @param emptied - each of them begins on an empty database. */
export function useStorage({ emptied = false } = {}): Storage {
  const storage = {} as Storage;
  beforeAll(async () => {
    Object.assign(storage, await openStorage());
  });
  if (emptied) beforeEach(() => storage.redis.flushdb());
  afterAll(() => storage.close());
  return storage;
}

/** A Redis database of its own, and what it takes to work on it: stores, scripts, a clock, a look at everything. */
export async function openStorage(policy: Policy = POLICY) {
  const url = await ownDatabase();
  const redis = new Redis(url, { maxRetriesPerRequest: null }); // as BullMQ's workers want it
  const others: Redis[] = [];
  const keys = createKeys();
  const clock = createStillClock();
  const runScript = createRunScript(redis);
  let made = 0;
  /** Not random: every value is a new one, and a failed test finds the same ids again. */
  const random: RandomHex = (bytes) => {
    made += 1;
    return made.toString(16).padStart(bytes * 2, '0');
  };

  function draft(options: Draft = {}): OpenVerification {
    const now = clock.now();
    const id: VerificationId = newVerificationId('7a', random);
    return {
      schema: 1,
      id,
      owner: options.owner ?? 'acme',
      to: '+447700900123',
      masked: '+44••••••••23',
      numberHash: options.numberHash ?? id.slice(-8),
      country: 'GB',
      from: null,
      message: null,
      codeLength: 6,
      codeType: 'numeric',
      callbackUrl: options.callbackUrl ?? null,
      reference: null,
      metadata: {},
      workflow: options.steps ?? [{ channel: 'sms', timeout: 45 }, { channel: 'call' }],
      currentStep: 0,
      stepStartedAt: now,
      timerAt: null,
      attempts: [],
      sends: 0,
      maxSends: options.maxSends ?? 4,
      checks: { used: 0, max: options.maxChecks ?? 5, inFlight: [] },
      sequence: 0,
      lastTryMisconfigured: false,
      createdAt: now,
      expiresAt: now + (options.expiresInMs ?? 10 * MINUTE),
      status: 'queued',
      reason: null,
      closedAt: null,
    };
  }

  const endpoints = createEndpointStore({ redis, runScript, keys });

  function storeOn(options: StoreOptions = {}) {
    return createVerificationStore({
      ...NO_REPLICAS,
      ...(options.confirmRecord && { confirmRecord: options.confirmRecord }),
      redis: options.redis ?? redis,
      runScript: options.runScript ?? runScript,
      keys,
      clock,
      policy: options.policy ?? policy,
      random: options.random ?? random,
      numbers: createNumberCipher(options.encryptionKeys ?? [], pino({ level: 'silent' })),
      endpoints,
      callbackUrl: 'callbackUrl' in options ? options.callbackUrl : CALLBACK_URL,
      retentionMs: RETENTION_MS,
    });
  }
  const store = storeOn();

  return {
    url,
    redis,
    keys,
    clock,
    policy,
    random,
    runScript,
    draft,
    endpoints,
    store,
    storeOn,
    callbacks: createCallbackStore({ redis, runScript, keys, random, retentionMs: RETENTION_MS, ...NO_REPLICAS }),

    /** One more connection to the same database. */
    connect(): Redis {
      const other = new Redis(url);
      others.push(other);
      return other;
    },

    /** The decision that opens a new verification. */
    opening(options: Draft = {}) {
      return open(draft(options), clock.now(), policy, null);
    },

    /** Stores a new verification that must not meet an open one. */
    async submit(options: Draft = {}) {
      const creation = await store.create(open(draft(options), clock.now(), policy, null), clock.now());
      if (creation.kind !== 'created') throw new Error(`not created: ${creation.kind}`);
      return creation.change.after;
    },

    /** Everything that the database holds, with the moment at which it vanishes (-1: never). */
    async everything(): Promise<Record<string, { value: unknown; vanishesAt: number }>> {
      const found: Record<string, { value: unknown; vanishesAt: number }> = {};
      for (const key of (await redis.keys('*')).sort()) {
        const type = await redis.type(key);
        const value =
          type === 'hash'
            ? await redis.hgetall(key)
            : type === 'zset'
              ? await redis.zrange(key, '0', '-1', 'WITHSCORES')
              : type === 'list'
                ? await redis.lrange(key, 0, -1)
                : await redis.get(key);
        found[key] = { value, vanishesAt: await redis.pexpiretime(key) };
      }
      return found;
    },

    close(): void {
      for (const connection of [redis, ...others]) connection.disconnect();
    },
  };
}
