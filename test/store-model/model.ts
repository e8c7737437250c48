import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { Callback } from '../../src/shared/callback.ts';
import { CHANNELS, type Channel } from '../../src/shared/channel.ts';
import { type CheckResult, nextDue, type Policy, type TryOutcome } from '../../src/shared/decide.ts';
import { attemptIdOf, type VerificationId } from '../../src/shared/ids.ts';
import { unpackVerification } from '../../src/shared/packed-verification.ts';
import { LEAVE_WITHIN_MS } from '../../src/shared/policy.ts';
import { readRecord } from '../../src/shared/record.ts';
import type { RunScript } from '../../src/shared/redis-scripts.ts';
import { activeAttempt, isClosed, MIN_TIME_TO_SEND_MS, type Verification } from '../../src/shared/verification.ts';
import { LOOK_FOR_JOB_MS, type PartitionVerificationStore } from '../../src/shared/verification-store.ts';
import { Crash, play, type Script, type Turn } from './stage.ts';
import { type Draft, type openStorage, POLICY, SECOND } from './storage.ts';

type Storage = Awaited<ReturnType<typeof openStorage>>;

/** What an actor does to the newest verification; each takes several steps, between which others act. */
export type Command =
  | { do: 'submit'; replace: boolean }
  /** One try for an attempt: the one whose turn it is, or the n-th. */
  | { do: 'try'; attempt: 'active' | number; outcome: TryOutcome['kind']; takesMs: number }
  | { do: 'check'; wellFormed: boolean; result: CheckResult }
  | { do: 'request'; channel: Channel | undefined }
  | { do: 'cancel' }
  | { do: 'tick' }
  | { do: 'wait'; ms: number };

/** Something that goes wrong with the n-th write of a command, counting from 0. */
export interface Fault {
  /** `sent_twice`: the client library lost the first answer. The others kill the whole actor. */
  kind: 'sent_twice' | 'dies_before' | 'dies_after';
  write: number;
}

export interface Scenario {
  draft: Draft;
  resendCooldownMs: number;
  actors: { command: Command; fault?: Fault | undefined }[][];
  choices: number[];
}

const OUTCOMES: readonly TryOutcome['kind'][] = [
  'sent',
  'sent',
  'sent',
  'sent',
  'unknown',
  'refused',
  'not_sent',
  'rate_limited',
  'misconfigured',
  'not_left',
];
const RESULTS: readonly CheckResult[] = [
  'approved',
  'approved',
  'wrong',
  'wrong',
  'inconclusive',
  'unavailable',
  'no_live_code',
];
const WAITS = [1, 1 * SECOND, 2 * SECOND, 5 * SECOND, 13 * SECOND, 16 * SECOND, 31 * SECOND, 46 * SECOND, 61 * SECOND];

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('try' as const),
      attempt: fc.oneof({ weight: 4, arbitrary: fc.constant('active' as const) }, fc.nat(5)),
      outcome: fc.constantFrom(...OUTCOMES),
      takesMs: fc.constantFrom(0, 0, 0, 1 * SECOND, 14 * SECOND),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('check' as const),
      wellFormed: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
      result: fc.constantFrom(...RESULTS),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(...WAITS) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('request' as const), channel: fc.constantFrom(...CHANNELS, undefined) }),
  },
  { weight: 3, arbitrary: fc.constant({ do: 'tick' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'cancel' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('submit' as const), replace: fc.boolean() }) },
);

const fault: fc.Arbitrary<Fault | undefined> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'sent_twice' as const,
        'sent_twice' as const,
        'dies_before' as const,
        'dies_after' as const,
      ),
      write: fc.nat(1),
    }),
  },
);

/** Why a step is skipped that a request jumps over. */
const JUMPED = 'the client asked for a later step';

const step = fc.record({ channel: fc.constantFrom(...CHANNELS), timeout: fc.constantFrom(5, 45, 60) });

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  draft: fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 3 }),
    expiresInMs: fc.constantFrom(60, 120, 200).map((seconds) => seconds * SECOND),
    maxSends: fc.integer({ min: 1, max: 4 }),
    maxChecks: fc.integer({ min: 1, max: 3 }),
  }),
  resendCooldownMs: fc.constantFrom(0, 0, 30 * SECOND),
  actors: fc.array(fc.array(fc.record({ command, fault }), { minLength: 1, maxLength: 8 }), {
    minLength: 2,
    maxLength: 4,
    size: 'max',
  }),
  choices: fc.array(fc.nat(11), { maxLength: 80, size: 'max' }),
});

/** What the runs came across, so that a test can tell a thorough one from an empty one. */
export type Tally = Map<string, number>;

/** One verification as it stands in Redis, with all that belongs to it. */
interface Seen {
  version: number;
  v: Verification;
  due: number | null;
  vanishesAt: number;
  callbacks: Callback[];
}

/** What the outside world knows of one verification. */
interface World {
  /** Codes that SignalWire sent, or may have sent. */
  accepted: number;
  /** Checks that SignalWire counted, or may have counted. */
  counted: number;
  /** Checks and requested attempts that somebody has begun; a write that is sent twice is one. */
  checks: number;
  requests: number;
}

/**
 * Plays a scenario on real Redis and looks, after every step, whether everything holds that must; then lets time alone
 * bring it to its end, guided by nothing but the index of what is due.
 *
 * @throws {Error} naming what does not hold.
 */
export async function runScenario(storage: Storage, s: Scenario, tally: Tally): Promise<void> {
  const { clock, keys, redis } = storage;
  await redis.flushdb();
  const policy: Policy = { ...POLICY, resendCooldownMs: s.resendCooldownMs };
  const draft: Draft = { ...s.draft, numberHash: 'one-number' };
  const ids: VerificationId[] = [(await storage.submit(draft)).id];
  const worlds = new Map<VerificationId, World>();
  const history = new Map<VerificationId, Seen>();
  const count = (what: string) => tally.set(what, (tally.get(what) ?? 0) + 1);
  /** When somebody last looked for jobs, as the reconciler does. */
  let lookedAt = 0;
  let tokens = 0;
  const newToken = () => {
    tokens += 1;
    return `t${tokens}`;
  };
  const worldOf = (id: VerificationId): World => {
    const world = worlds.get(id) ?? { accepted: 0, counted: 0, checks: 0, requests: 0 };
    worlds.set(id, world);
    return world;
  };

  /** The store as one actor has it: each command that it sends to Redis is a step, and some go wrong. */
  function storeOf(turn: Turn, broken: Fault | undefined): PartitionVerificationStore {
    let writes = 0;
    const runScript: RunScript = async (...write) => {
      await turn();
      const fails = broken?.write === writes ? broken.kind : undefined;
      writes += 1;
      if (fails === 'dies_before') throw new Crash();
      const reply = await storage.runScript(...write);
      if (Array.isArray(reply) && reply[0] === 0) count('conflict');
      if (fails === 'dies_after') throw new Crash();
      if (fails !== 'sent_twice') return reply;
      await turn();
      return storage.runScript(...write);
    };
    const get = async (key: string) => {
      await turn();
      return redis.get(key);
    };
    return storage.storeOn({ policy, runScript, redis: { get } as unknown as Redis });
  }

  async function act(c: Command, store: PartitionVerificationStore, turn: Turn): Promise<void> {
    const id = [...history.keys()].at(-1) as VerificationId;
    switch (c.do) {
      case 'wait':
        await turn();
        clock.advance(c.ms);
        return;
      case 'tick':
        await store.update(id, { type: 'tick' });
        return;
      case 'cancel':
        await store.update(id, { type: 'canceled', reason: 'canceled' });
        return;
      case 'request': {
        worldOf(id).requests += 1;
        const update = await store.update(id, { type: 'attempt_requested', channel: c.channel });
        count(`request: ${update?.answer.kind}`);
        return;
      }
      case 'submit': {
        const decision = storage.opening(draft);
        ids.push(decision.next.id); // known before it is stored, so that a write whose answer is lost is seen too
        const creation = await store.create(decision, clock.now());
        count(`submit: ${creation.kind}`);
        if (creation.kind === 'active' && c.replace)
          await store.update(creation.id, { type: 'canceled', reason: 'replaced' });
        return;
      }
      case 'try':
        return tryOnce(id, c, store, turn);
      case 'check':
        return checkOnce(id, c, store, turn);
      default:
        throw new Error(`unexpected ${JSON.stringify(c satisfies never)}`);
    }
  }

  async function tryOnce(
    id: VerificationId,
    c: Command & { do: 'try' },
    store: PartitionVerificationStore,
    turn: Turn,
  ) {
    const read = c.attempt === 'active' ? await store.read(id) : undefined;
    const attemptId =
      typeof c.attempt === 'number' ? attemptIdOf(id, c.attempt) : (read?.verification.attempts.at(-1)?.id ?? '');
    const token = newToken();
    const claimedAt = clock.now();
    const claim = await store.update(id, { type: 'try_started', attemptId, token });
    if (claim?.answer.kind !== 'send') return;
    let outcome = outcomeOf(c.outcome, token);
    if (clock.now() - claimedAt >= LEAVE_WITHIN_MS) outcome = outcomeOf('not_left', token);
    if (outcome.kind !== 'not_left') {
      const { expiresAt } = claim.stored.verification;
      const left = expiresAt - clock.now();
      must(left > MIN_TIME_TO_SEND_MS - LEAVE_WITHIN_MS, `a request left with only ${left} ms to live`);
      if (outcome.kind === 'sent' || outcome.kind === 'unknown') worldOf(id).accepted += 1;
      await turn(); // the request is on its way
      clock.advance(c.takesMs);
    }
    const end = { type: 'try_ended', attemptId, token, outcome, random: 0.5 } as const;
    await store.update(id, end, claim.stored);
    count(`try: ${outcome.kind}`);
  }

  async function checkOnce(
    id: VerificationId,
    c: Command & { do: 'check' },
    store: PartitionVerificationStore,
    turn: Turn,
  ) {
    const token = newToken();
    worldOf(id).checks += 1;
    const start = await store.update(id, { type: 'check_started', token, wellFormed: c.wellFormed });
    if (start?.answer.kind === 'wrong') worldOf(id).counted += 1;
    if (start?.answer.kind !== 'ask') return;
    const { attempts } = start.answer;
    must(attempts.length > 0, 'a check asks about no code');
    if (c.result !== 'unavailable' && c.result !== 'no_live_code') worldOf(id).counted += 1;
    count('asked about a code');
    await turn(); // SignalWire is asked
    const spent = c.result === 'no_live_code' ? attempts.map((a) => a.id) : [];
    const end = await store.update(id, { type: 'check_ended', token, result: c.result, spent });
    if (c.result === 'approved' && end?.answer.kind === 'done') {
      must(end.stored.verification.status === 'approved', 'a right code did not approve');
    }
  }

  /** Looks at everything, and holds it against what was there before and what must always hold. */
  async function look(): Promise<void> {
    const seen = new Map<VerificationId, Seen>();
    for (const id of ids) {
      const one = await see(storage, id);
      if (one) seen.set(id, one);
    }
    const open = [...seen.values()].filter(({ v }) => !isClosed(v));
    must(open.length <= 1, 'two verifications are open for one number');
    const active = await redis.get(keys.active('acme', 'one-number'));
    must(active === (open[0]?.v.id ?? null), `the number's note says ${active}, open is ${open[0]?.v.id}`);
    for (const [id, now] of seen) {
      holdsByItself(now, policy, worldOf(id), lookedAt);
      const before = history.get(id);
      if (before) follows(before, now, tally);
      history.set(id, now);
    }
    for (const id of history.keys()) must(seen.has(id), 'a verification has vanished');
    must(
      (await redis.zcard(keys.due)) === [...seen.values()].filter((one) => one.due !== null).length,
      'strangers are due',
    );
  }

  /** What a reconciler and workers would do until nothing is due any more: every deadline comes from the index. */
  async function letTimePass(): Promise<void> {
    const store = storeOf(look, undefined);
    for (let looks = 0; looks < 300; looks++) {
      const [id, score] = await redis.zrange(keys.due, '0', '0', 'WITHSCORES');
      if (id === undefined) return;
      clock.advance(Math.max(0, Number(score) - clock.now()));
      const update = await store.update(id as VerificationId, { type: 'tick' });
      const v = update?.stored.verification;
      must(v !== undefined, 'one that is due does not exist');
      const attempt = v && activeAttempt(v);
      if (attempt?.status === 'queued' && attempt.nextTryAt <= clock.now()) {
        const outcome = (['sent', 'unknown', 'refused'] as const)[looks % 3] ?? 'sent';
        await tryOnce(v?.id ?? 'ver_', { do: 'try', attempt: 'active', outcome, takesMs: 0 }, store, async () => {});
      }
      const stored = await store.read(id as VerificationId);
      if (stored && !isClosed(stored.verification)) {
        await store.lookAgain(stored.verification.id, stored, clock.now() + LOOK_FOR_JOB_MS);
        lookedAt = clock.now();
      }
      await look();
    }
    throw new Error('time alone does not bring it to an end');
  }

  await look();
  const scripts = s.actors.map(
    (commands): Script =>
      async (turn) => {
        for (const { command: c, fault: broken } of commands) await act(c, storeOf(turn, broken), turn);
      },
  );
  await play(scripts, s.choices, look);
  await letTimePass();
  for (const { v } of history.values()) {
    must(isClosed(v) && v.to === v.masked, 'it did not end closed and masked');
    count(v.status);
    for (const attempt of v.attempts) count(`attempt: ${attempt.status}`);
  }
}

async function see({ redis, keys }: Storage, id: VerificationId): Promise<Seen | undefined> {
  const replies = await redis
    .pipeline()
    .get(keys.verification(id))
    .zscore(keys.due, id)
    .pexpiretime(keys.verification(id))
    .lrange(keys.verificationCallbacks(id), 0, -1)
    .exec();
  const [stored, due, vanishesAt, callbackIds] = (replies ?? []).map(([, reply]) => reply) as [
    string | null,
    string | null,
    number,
    string[],
  ];
  if (stored === null) return undefined;
  const { version, doc } = readRecord(stored);
  const callbacks =
    callbackIds.length === 0
      ? []
      : await docs(
          redis,
          callbackIds.map((cb) => keys.callback(cb as `cb_${string}`)),
        );
  const owed = await redis.zmscore(keys.dueCallbacks, '', ...callbackIds);
  must(
    owed.slice(1).every((score) => score !== null),
    'a callback is owed and not due',
  );
  return {
    version: Number.parseInt(version, 10),
    v: unpackVerification(id, doc),
    due: due === null ? null : Number(due),
    vanishesAt,
    callbacks: callbacks.map((doc) => Callback.parse(JSON.parse(doc))),
  };
}

async function docs(redis: Redis, records: string[]): Promise<string[]> {
  const pipeline = redis.pipeline();
  for (const record of records) pipeline.get(record);
  return ((await pipeline.exec()) ?? []).map(([, record]) => readRecord(String(record)).doc);
}

/** What holds of every verification at every moment. */
function holdsByItself({ v, due, vanishesAt, callbacks }: Seen, policy: Policy, world: World, lookedAt: number): void {
  must(v.sends >= 0 && v.sends <= v.maxSends, `${v.sends} of ${v.maxSends} sends`);
  must(world.accepted <= v.sends, `SignalWire sent ${world.accepted} codes, the record counts ${v.sends}`);
  must(v.checks.used >= v.checks.inFlight.length && v.checks.used <= v.checks.max, 'more checks than there are');
  must(world.counted <= v.checks.max, `SignalWire counted ${world.counted} checks of ${v.checks.max}`);

  must(v.checks.used <= world.checks, `${v.checks.used} checks are used, ${world.checks} were made`);
  const requested = v.attempts.filter((a) => a.trigger === 'request' && a.error?.detail !== JUMPED);
  must(requested.length <= world.requests, `${requested.length} attempts for ${world.requests} requests`);

  must(v.sequence === callbacks.length, `${callbacks.length} callbacks for ${v.sequence} events`);
  callbacks.forEach((callback, i) => {
    must(callback.sequence === i + 1, `event ${callback.sequence} stands at place ${i + 1}`);
  });
  must(new Set(callbacks.map((callback) => callback.eventId)).size === callbacks.length, 'an event is there twice');
  const closing = callbacks.filter(({ type }) =>
    /^verification\.(approved|expired|failed|canceled|blocked)$/.test(type),
  );
  must(closing.length === (isClosed(v) ? 1 : 0), `${closing.length} closing events, it is ${v.status}`);
  if (isClosed(v)) must(callbacks.at(-1)?.type === `verification.${v.status}`, 'the closing event is not the last');

  const running = v.attempts.filter((a) => a.status === 'queued' || a.status === 'sending');
  must(running.length <= 1, 'two attempts run at the same time');
  must(!isClosed(v) || running.every((a) => a.status === 'sending'), 'a closed one has an attempt queued');
  must(
    v.attempts.every((a) => (a.flight !== null) === (a.status === 'sending')),
    'an intent and its attempt differ',
  );
  must(v.attempts.some((a) => a.sentAt !== null) || v.status !== 'pending', 'pending without a code');

  const needsALook = !isClosed(v) || v.to !== v.masked;
  must((due !== null) === needsALook, needsALook ? 'it needs a look and is not due' : 'it is due for nothing');
  if (due !== null) must(due <= (nextDue(v, policy) ?? 0), 'it is looked at too late');
  const waiting = running.find((a) => a.status === 'queued');
  const lookBy = Math.max(waiting?.nextTryAt ?? 0, lookedAt) + LOOK_FOR_JOB_MS;
  must(waiting === undefined || due === null || due <= lookBy, 'its job is looked for too late');
  must(vanishesAt === -1 || isClosed(v), 'an open one will vanish');
  must(vanishesAt > 0 || !isClosed(v), 'a closed one will never vanish');
}

/** What holds between two looks, one step apart. */
function follows(before: Seen, now: Seen, tally: Tally): void {
  must(now.version === before.version || now.version === before.version + 1, 'one step made two versions');
  must(now.v.sequence >= before.v.sequence, 'the sequence went back');
  must(now.v.attempts.length >= before.v.attempts.length, 'an attempt has vanished');
  must(
    now.callbacks.slice(0, before.callbacks.length).every((c, i) => c.id === before.callbacks[i]?.id),
    'a callback has changed',
  );
  if (isClosed(before.v)) {
    const rest = ({ v }: Seen) =>
      JSON.stringify([v.status, v.reason, v.closedAt, v.checks, v.sequence, v.attempts.length]);
    must(rest(now) === rest(before), 'a closed one has changed');
    must(now.vanishesAt === before.vanishesAt, 'a closed one lives longer than before');
  }
  for (const attempt of now.v.attempts) {
    const was = before.v.attempts.find((a) => a.id === attempt.id);
    if (attempt.flight && attempt.flight.token !== was?.flight?.token) {
      tally.set('claim', (tally.get('claim') ?? 0) + 1);
      must(!isClosed(before.v) && !isClosed(now.v), 'a try was claimed after the close');
      must(now.v.expiresAt - attempt.flight.at >= MIN_TIME_TO_SEND_MS, 'a try was claimed with too little time left');
      must(was === undefined || was.nextTryAt <= attempt.flight.at, 'a try was claimed before its time');
    }
    if (!was || was.status === attempt.status) continue;
    const over = ['sent', 'failed', 'skipped'].includes(was.status);
    must(!over, `an attempt that was ${was.status} became ${attempt.status}`);
    const late = was.status === 'unknown' && attempt.status === 'sent';
    must(was.status !== 'unknown' || late, `an unknown attempt became ${attempt.status}`);
    if (late) tally.set('late answer', (tally.get('late answer') ?? 0) + 1);
  }
}

function outcomeOf(kind: TryOutcome['kind'], token: string): TryOutcome {
  switch (kind) {
    case 'sent':
      return { kind, mfaId: `mfa-${token}`, httpStatus: 200 };
    case 'unknown':
    case 'not_sent':
      return { kind, detail: kind, httpStatus: null, retryAfterMs: undefined };
    case 'rate_limited':
      return { kind, detail: kind, httpStatus: 429, retryAfterMs: 2 * SECOND };
    case 'refused':
      return { kind, detail: kind, httpStatus: 422, providerCode: undefined, account: false };
    case 'misconfigured':
      return { kind, detail: kind, httpStatus: 401 };
    default:
      return { kind };
  }
}

function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}
