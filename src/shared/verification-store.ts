import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type Callback, type NewCallback, owedCallbacks } from './callback.ts';
import type { Clock, EpochMs } from './clock.ts';
import {
  type Answer,
  type Decision,
  decide,
  nextDue,
  type Policy,
  type VerificationEvent,
  type VerificationFact,
} from './decide.ts';
import type { EndpointStore } from './endpoint-store.ts';
import type { ErasureId, RandomHex, VerificationId } from './ids.ts';
import type { Keys } from './keys.ts';
import { type Entry, newestFirst } from './newest-first.ts';
import type { NumberCipher } from './number-cipher.ts';
import { packVerification, unpackVerification } from './packed-verification.ts';
import { NO_RECORD, readRecord, type StoredRecord, versionAfter } from './record.ts';
import type { RunScript } from './redis-scripts.ts';
import type { ConfirmRecord, ConfirmReplicated } from './replication.ts';
import { readStory, type StoryFact, storyLine, tell } from './story.ts';
import { activeAttempt, isClosed, type Verification } from './verification.ts';

/** A verification as it was read, with the version that a write must find unchanged. */
export interface Stored {
  /** See `record.ts`. */
  version: string;
  verification: Verification;
}

/** A state change that is stored: what was, what is, and what it owes. */
export interface Change {
  /** null for a new verification. */
  before: Verification | null;
  after: Verification;
  facts: readonly VerificationFact[];
  callbacks: readonly NewCallback[];
  /** What the timeline says of it. */
  story: readonly StoryFact[];
}

/** What came of an event. `change` is null when it changed nothing. */
export interface Update {
  stored: Stored;
  answer: Answer;
  change: Change | null;
  /** It was stored when it was first sent, on a connection that broke since. */
  resent?: boolean;
}

/** Which of an owner's verifications. */
export type VerificationIndex = { numberHash: string } | { reference: string } | Record<never, never>;

export type Creation =
  | { kind: 'created'; stored: Stored; change: Change; resent: boolean }
  /** The owner has this open one for the number. */
  | { kind: 'active'; id: VerificationId }
  /** There is one of this very id, from an earlier request with the same idempotency key. */
  | { kind: 'existing'; stored: Stored; change: null };

interface Deps {
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  clock: Clock;
  policy: Policy;
  random: RandomHex;
  /** The full number is sealed on its way into Redis and opened on its way out. */
  numbers: NumberCipher;
  endpoints: Pick<EndpointStore, 'of' | 'load'>;
  /** `CALLBACK_URL` */
  callbackUrl: string | undefined;
  /** How long a closed verification and its callbacks stay readable. */
  retentionMs: number;
  confirmReplicated: ConfirmReplicated;
  confirmRecord: ConfirmRecord;
}

/** Answers of save-verification.lua. */
const STORED = 1;
const ACTIVE = 2;
const ENDPOINTS_CHANGED = 3;

/** A job that should have begun this long ago is looked for; see the reconciler. */
export const LOOK_FOR_JOB_MS = 10_000;

/** The verifications of one partition. */
export type PartitionVerificationStore = ReturnType<typeof createVerificationStore>;
/** What can be asked about verifications wherever they are. */
export type VerificationStore = Pick<
  PartitionVerificationStore,
  'read' | 'confirm' | 'story' | 'newestFirst' | 'activeFor' | 'forgetActive'
>;

/**
 * Keeps verifications in Redis. Every change is decided on what was read and stored only if that is still the truth;
 * otherwise it is decided anew, so two parties never act on the same state.
 */
export function createVerificationStore(deps: Deps) {
  const { redis, runScript, keys, clock, policy, random, numbers } = deps;

  function unpack(id: VerificationId, { version, doc }: StoredRecord): Stored {
    const verification = unpackVerification(id, doc);
    return { version, verification: { ...verification, to: numbers.open(verification.to, id) } };
  }

  function pack(v: Verification): string {
    return packVerification(v, v.to === v.masked ? v.to : numbers.seal(v.to, v.id));
  }

  async function read(id: VerificationId): Promise<Stored | undefined> {
    const record = await redis.get(keys.verification(id));
    return record === null ? undefined : unpack(id, readRecord(record));
  }

  async function save(
    before: Stored | null,
    event: VerificationEvent | null,
    decision: Decision,
    now: EpochMs,
    token: string,
  ) {
    const { next, facts } = decision;
    const story = tell(before?.verification ?? null, event, next, now);
    for (;;) {
      const set = facts.length > 0 ? await deps.endpoints.of(next.owner) : undefined;
      const targets = { endpoints: set?.endpoints ?? [], defaultUrl: deps.callbackUrl };
      const callbacks = owedCallbacks(next, facts, targets, random);
      const reply = await saveWith(before, next, now, token, callbacks, set?.version ?? '', story);
      if (reply[0] !== ENDPOINTS_CHANGED) return { reply, callbacks, story };
      await deps.endpoints.load(next.owner);
    }
  }

  async function saveWith(
    before: Stored | null,
    next: Verification,
    now: EpochMs,
    token: string,
    callbacks: readonly NewCallback[],
    endpointsVersion: string,
    story: readonly StoryFact[],
  ): Promise<[number, string?]> {
    const vanishesAt = isClosed(next) ? Math.ceil(next.closedAt + deps.retentionMs) : null;
    const due = indexDue(next, policy);
    return (await runScript(
      'saveVerification',
      [
        keys.verification(next.id),
        keys.due,
        keys.dueCallbacks,
        keys.verificationCallbacks(next.id),
        keys.active(next.owner, next.numberHash),
        keys.callbacksOf(next.owner),
        keys.endpointsVersion(next.owner),
        keys.verificationsOf(next.owner),
        keys.verificationsByNumber(next.owner, next.numberHash),
        next.reference === null ? keys.verificationsOf(next.owner) : byReference(next.owner, next.reference),
        ...callbacks.flatMap(({ callback }) => [
          keys.callback(callback.id),
          keys.callbacksOfTarget(callback.endpointId ?? next.owner),
        ]),
      ],
      [
        next.id,
        before?.version ?? NO_RECORD,
        pack(next),
        token,
        due === null || (vanishesAt !== null && due >= vanishesAt) ? '' : due, // what will have vanished needs no look
        vanishesAt ?? '',
        isClosed(next) ? 'closed' : 'open',
        Math.floor(now),
        Math.ceil(now + deps.retentionMs),
        endpointsVersion,
        keys.changes,
        story.map(storyLine).join(''),
        ...callbacks.flatMap(({ callback, body }) => [callback.id, JSON.stringify(callback), body]),
      ],
    )) as [number, string?];
  }

  const byReference = (owner: string, reference: string) =>
    keys.verificationsByReference(owner, createHash('sha256').update(reference).digest('hex').slice(0, 32));

  return {
    read,

    /** An owner's verifications, those for a number or those with a reference, from the newest on. */
    newestFirst(owner: string, index: VerificationIndex, from: Entry<VerificationId> | undefined, limit: number) {
      let key = keys.verificationsOf(owner);
      if ('numberHash' in index) key = keys.verificationsByNumber(owner, index.numberHash);
      else if ('reference' in index) key = byReference(owner, index.reference);
      return newestFirst<VerificationId>(redis, key, from, limit);
    },

    /** Stores a new verification with its first facts, unless its owner has an open one for the number. */
    async create(decision: Decision, now: EpochMs): Promise<Creation> {
      const token = random(6);
      const { reply, ...rest } = await save(null, null, decision, now, token);
      const [code, found] = reply;
      if (code === ACTIVE) return { kind: 'active', id: found as VerificationId };
      const { id } = decision.next;
      const record = found === undefined ? undefined : readRecord(found);
      const foreign = record !== undefined && !record.tokens.includes(token); // else it is our own write, sent twice
      if (foreign) return { kind: 'existing', stored: unpack(id, record), change: null };
      return {
        kind: 'created',
        stored: { version: versionAfter(NO_RECORD, token), verification: decision.next },
        change: { before: null, after: decision.next, facts: decision.facts, ...rest },
        resent: code !== STORED,
      };
    },

    /**
     * Decides an event on the current state and stores what follows.
     *
     * @param known - what the caller has read already; saves a round trip when it is still the truth.
     * @returns undefined when there is no such verification.
     */
    async update(id: VerificationId, event: VerificationEvent, known?: Stored): Promise<Update | undefined> {
      const token = random(6);
      let stored = known ?? (await read(id));
      while (stored !== undefined) {
        const now = clock.now();
        const before = stored.verification;
        const decision = decide(before, event, now, policy);
        if (decision.next === before) return { stored, answer: decision.answer, change: null };
        const { reply, ...rest } = await save(stored, event, decision, now, token);
        const [code, found] = reply;
        const record = found === undefined ? undefined : readRecord(found);
        if (code === STORED || record?.tokens.includes(token)) {
          return {
            stored: { version: versionAfter(stored.version, token), verification: decision.next },
            answer: decision.answer,
            change: { before, after: decision.next, facts: decision.facts, ...rest },
            resent: code !== STORED,
          };
        }
        stored = record && unpack(id, record);
      }
      return undefined;
    },

    /**
     * Waits until replicas have what was stored a moment ago, or what was found (`REDIS_WAIT_REPLICAS`).
     *
     * @returns false when what was found is another one by now.
     * @throws NotReplicatedError when too few replicas answer in time; it may be stored all the same.
     */
    async confirm({ stored, change, resent }: Pick<Update, 'stored' | 'change' | 'resent'>): Promise<boolean> {
      const key = keys.verification(stored.verification.id);
      if (change === null) return deps.confirmRecord(key, stored.version);
      if (!resent) {
        await deps.confirmReplicated();
        return true;
      }
      const token = stored.version.split(' ')[1] ?? '';
      for (;;) {
        const found = await redis.get(key);
        const record = found === null ? undefined : readRecord(found);
        if (!record?.tokens.includes(token)) return false;
        if (await deps.confirmRecord(key, record.version)) return true; // others may have written after it
      }
    },

    /** What has happened to a verification so far, oldest first. */
    async story(id: VerificationId): Promise<StoryFact[]> {
      const record = await redis.get(keys.verification(id));
      return record === null ? [] : readStory(readRecord(record).rest);
    },

    /** Ids of verifications that should have been looked at before `before`, the most overdue first. */
    async overdue(before: EpochMs, limit: number): Promise<VerificationId[]> {
      return (await redis.zrangebyscore(keys.due, '-inf', before, 'LIMIT', 0, limit)) as VerificationId[];
    },

    /** The number's open verification, or one that only looks open because nobody has looked at it since its time ran out. */
    async activeFor({ owner, numberHash }: Verification): Promise<VerificationId | undefined> {
      return ((await redis.get(keys.active(owner, numberHash))) as VerificationId | null) ?? undefined;
    },

    /** Ids of an owner's verifications for a number that were made until then, the newest first. */
    async ofNumberUntil(owner: string, numberHash: string, until: EpochMs, skip: number, limit: number) {
      const index = keys.verificationsByNumber(owner, numberHash);
      return (await redis.zrevrangebyscore(index, until, '-inf', 'LIMIT', skip, limit)) as VerificationId[];
    },

    /** Drops what is left of a verification that has vanished from its owner's lists. */
    async forget(owner: string, numberHash: string, id: VerificationId): Promise<void> {
      await redis.zrem(keys.verificationsOf(owner), id);
      await redis.zrem(keys.verificationsByNumber(owner, numberHash), id);
    },

    /**
     * Erases a closed verification whose jobs are gone: its document and timeline, its callbacks, its place in all lists.
     *
     * @param owed - all of its callbacks.
     * @param erasure - where it is counted, until when that is kept, and whether this erasure closed it.
     * @returns false when there is more to erase by now.
     */
    async erase(
      v: Verification,
      owed: readonly Callback[],
      erasure: { id: ErasureId; vanishesAt: EpochMs; canceled: boolean },
    ): Promise<boolean> {
      const reply = await runScript(
        'eraseVerification',
        [
          keys.verification(v.id),
          keys.verificationCallbacks(v.id),
          keys.due,
          keys.dueCallbacks,
          keys.active(v.owner, v.numberHash),
          keys.verificationsOf(v.owner),
          keys.verificationsByNumber(v.owner, v.numberHash),
          v.reference === null ? keys.verificationsOf(v.owner) : byReference(v.owner, v.reference),
          keys.callbacksOf(v.owner),
          keys.erasure(erasure.id),
          ...owed.flatMap((c) => [keys.callback(c.id), keys.callbacksOfTarget(c.endpointId ?? c.owner)]),
        ],
        [v.id, Math.ceil(erasure.vanishesAt), erasure.canceled ? 1 : 0, keys.changes, ...owed.map((c) => c.id)],
      );
      return reply === 1;
    },

    /** Drops the note of a number's open verification, if it still names this one. */
    async forgetActive(v: Verification, id: VerificationId): Promise<void> {
      await runScript('forgetActive', [keys.active(v.owner, v.numberHash)], [id]);
    },

    /** Puts off the next look at a verification that was found in order; never past what is due by then. */
    async lookAgain(id: VerificationId, stored: Stored | undefined, at: EpochMs): Promise<void> {
      const due = stored ? nextDue(stored.verification, policy) : null;
      // what is overdue now was just looked at: it must not be found over and over in one pass
      const next = due !== null && due > clock.now() ? Math.min(at, due) : at;
      await runScript(
        'lookAgain',
        [keys.verification(id), keys.due],
        [id, stored?.version ?? NO_RECORD, Math.floor(next)],
      );
    },
  };
}

/**
 * The score in the index of what is due. An attempt that waits for its turn is looked for even when no deadline is
 * near, since its job may have been deleted.
 */
function indexDue(v: Verification, policy: Policy): EpochMs | null {
  const due = nextDue(v, policy);
  const active = activeAttempt(v);
  if (due === null || active?.status !== 'queued') return due === null ? null : Math.floor(due);
  return Math.floor(Math.min(due, active.nextTryAt + LOOK_FOR_JOB_MS));
}
