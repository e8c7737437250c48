import { describe, expect, it } from 'vitest';
import type { SendOutcome } from '../../src/shared/classify-send.ts';
import type { VerificationEvent } from '../../src/shared/decide.ts';
import { open } from '../../src/shared/decide.ts';
import { attemptIdOf, type VerificationId } from '../../src/shared/ids.ts';
import { createRunScript, type RunScript } from '../../src/shared/redis-scripts.ts';
import { LOOK_FOR_JOB_MS } from '../../src/shared/verification-store.ts';
import { MINUTE, POLICY, RETENTION_MS, SECOND, useStorage } from '../store-model/storage.ts';

const storage = useStorage();

const CANCEL: VerificationEvent = { type: 'canceled', reason: 'canceled' };
const started = (id: VerificationId, token = 'run', n = 0): VerificationEvent => ({
  type: 'try_started',
  attemptId: attemptIdOf(id, n),
  token,
});
const sent = (id: VerificationId, token = 'run', n = 0): VerificationEvent => ({
  type: 'try_ended',
  attemptId: attemptIdOf(id, n),
  token,
  outcome: { kind: 'sent', mfaId: `mfa-${token}`, httpStatus: 200 },
  random: 0.5,
});
const dueOf = async (id: VerificationId) => {
  const score = await storage.redis.zscore(storage.keys.due, id);
  return score === null ? null : Number(score);
};

/** Sends each write twice and gives the second answer, as a client library does that lost the first. */
function sendingTwice(between: () => Promise<unknown> = async () => {}): RunScript {
  return async (name, keys, args) => {
    await storage.runScript(name, keys, args);
    await between();
    return storage.runScript(name, keys, args);
  };
}

/** Counts the writes that found another version than the one they were decided on. */
function countingConflicts(runScript: RunScript) {
  const counted = {
    conflicts: 0,
    runScript: (async (name, keys, args) => {
      const reply = await runScript(name, keys, args);
      if (Array.isArray(reply) && reply[0] === 0) counted.conflicts += 1;
      return reply;
    }) as RunScript,
  };
  return counted;
}

async function storedCallbacks(id: VerificationId) {
  const found = [];
  for (const callbackId of await storage.callbacks.ofVerification(id)) {
    const stored = await storage.callbacks.read(callbackId);
    if (stored) found.push({ ...stored.callback, body: JSON.parse(stored.body) });
  }
  return found;
}

describe('creating a verification', () => {
  it('stores it open, due, and as the one of its number', async () => {
    const v = await storage.submit();

    expect(await storage.store.read(v.id)).toEqual({ version: expect.stringMatching(/^1 /), verification: v });
    expect(await storage.redis.get(storage.keys.active(v.owner, v.numberHash))).toBe(v.id);
    expect(await dueOf(v.id)).toBe(v.createdAt + LOOK_FOR_JOB_MS);
    expect(await storage.redis.pttl(storage.keys.verification(v.id))).toBe(-1);
  });

  it('refuses a second one for the same owner and number until the first is closed', async () => {
    const number = { numberHash: 'same' };
    const first = await storage.submit(number);
    const again = () => storage.store.create(storage.opening(number), storage.clock.now());

    expect(await again()).toEqual({ kind: 'active', id: first.id });

    await storage.store.update(first.id, CANCEL);
    expect((await again()).kind).toBe('created');
    expect((await again()).kind).toBe('active');
  });

  it('refuses none of another owner or number', async () => {
    await storage.submit({ owner: 'one', numberHash: 'n1' });
    await storage.submit({ owner: 'two', numberHash: 'n1' });
    await storage.submit({ owner: 'one', numberHash: 'n2' });
  });

  it('lets exactly one of many at once through', async () => {
    const other = storage.storeOn({ runScript: createRunScript(storage.connect()) });
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? other : storage.store).create(storage.opening({ numberHash: 'contended' }), storage.clock.now()),
      ),
    );

    const created = outcomes.filter((outcome) => outcome.kind === 'created');
    expect(created).toHaveLength(1);
    const winner = created[0]?.kind === 'created' && created[0].change.after.id;
    for (const outcome of outcomes) if (outcome.kind === 'active') expect(outcome.id).toBe(winner);
  });

  it('finds the one that an earlier request of the same id has stored, as it is by now', async () => {
    const decision = storage.opening();
    await storage.store.create(decision, storage.clock.now());
    await storage.store.update(decision.next.id, CANCEL);

    const again = await storage.store.create(decision, storage.clock.now());

    expect(again).toMatchObject({
      kind: 'existing',
      stored: { verification: { id: decision.next.id, status: 'canceled' } },
    });
    expect((await storage.store.read(decision.next.id))?.version).toMatch(/^2 /);
  });

  it('takes its own write, sent twice, for created, even when somebody acted in between', async () => {
    let id: VerificationId | undefined;
    const decision = storage.opening();
    const store = storage.storeOn({
      runScript: sendingTwice(async () => {
        id = decision.next.id;
        await storage.store.update(id, started(id));
      }),
    });

    expect(await store.create(decision, storage.clock.now())).toMatchObject({ kind: 'created' });
    expect((await storage.store.read(decision.next.id))?.verification.sends).toBe(1);
  });

  it('keeps a blocked one that owes its only event, and leaves the number free', async () => {
    const now = storage.clock.now();
    const { next, facts, answer } = open(storage.draft(), now, POLICY, 'country_not_allowed');
    await storage.store.create({ next, facts, answer }, now);

    expect((await storedCallbacks(next.id)).map((c) => [c.sequence, c.type])).toEqual([[1, 'verification.blocked']]);
    expect(await storage.redis.exists(storage.keys.active(next.owner, next.numberHash))).toBe(0);
    expect(await dueOf(next.id)).toBe(now + POLICY.numberRetentionMs);
    expect(await storage.redis.pexpiretime(storage.keys.verification(next.id))).toBe(now + RETENTION_MS);
  });
});

describe('changing a verification', () => {
  it('tells what was, what is and what it owes', async () => {
    const before = await storage.submit();
    await storage.store.update(before.id, started(before.id));

    const update = await storage.store.update(before.id, sent(before.id));

    expect(update?.answer).toEqual({ kind: 'over' });
    expect(update?.stored).toEqual(await storage.store.read(before.id));
    expect(update?.stored.version).toMatch(/^3 /);
    expect(update?.change).toMatchObject({
      before: { status: 'queued', attempts: [{ status: 'sending' }] },
      after: { status: 'pending', attempts: [{ status: 'sent' }] },
      facts: [{ type: 'verification.attempt.sent', sequence: 1 }],
      callbacks: [{ callback: { sequence: 1, status: 'pending', url: 'https://client.example/hooks' } }],
    });
  });

  it('writes nothing when nothing follows from the event', async () => {
    const v = await storage.submit();

    expect(await storage.store.update(v.id, { type: 'tick' })).toEqual({
      stored: { version: expect.stringMatching(/^1 /), verification: v },
      answer: { kind: 'done' },
      change: null,
    });
    expect((await storage.store.read(v.id))?.version).toMatch(/^1 /);
  });

  it('needs no look at the number when it vanishes before that has to be dropped', async () => {
    const dueAfterClose = async (numberRetentionMs: number) => {
      const v = await storage.submit();
      await storage.storeOn({ policy: { ...POLICY, numberRetentionMs } }).update(v.id, CANCEL);
      return dueOf(v.id);
    };
    const now = storage.clock.now();

    expect(await dueAfterClose(RETENTION_MS - 1)).toBe(now + RETENTION_MS - 1);
    expect(await dueAfterClose(RETENTION_MS)).toBeNull();
    expect(await dueAfterClose(2 * RETENTION_MS)).toBeNull();
  });

  it('knows none that does not exist', async () => {
    expect(await storage.store.read('ver_none')).toBeUndefined();
    expect(await storage.store.update('ver_none', CANCEL)).toBeUndefined();
  });

  it('knows none that vanished since it was read', async () => {
    const v = await storage.submit();
    const known = await storage.store.read(v.id);
    await storage.redis.del(storage.keys.verification(v.id));

    expect(await storage.store.update(v.id, CANCEL, known)).toBeUndefined();
    expect(await storage.redis.exists(storage.keys.verification(v.id))).toBe(0);
  });

  it('saves the read when what the caller knows is still the truth', async () => {
    const v = await storage.submit();
    const known = await storage.store.read(v.id);
    const store = storage.storeOn({ redis: { get: () => Promise.reject(new Error('was read')) } as never });

    expect(await store.update(v.id, CANCEL, known)).toMatchObject({
      stored: { version: expect.stringMatching(/^2 /) },
    });
  });

  it('decides anew on the current state when what the caller knows is stale', async () => {
    const v = await storage.submit();
    const known = await storage.store.read(v.id);
    await storage.store.update(v.id, CANCEL);

    expect(await storage.store.update(v.id, started(v.id), known)).toMatchObject({
      answer: { kind: 'over' },
      change: null,
      stored: { version: expect.stringMatching(/^2 /), verification: { status: 'canceled' } },
    });
  });

  it('decides on the time of each round, not of the first', async () => {
    const v = await storage.submit({ expiresInMs: MINUTE });
    const known = await storage.store.read(v.id);
    await storage.store.update(v.id, { type: 'check_started', token: 'c', wellFormed: true });
    await storage.store.update(v.id, started(v.id));
    let first = true;
    const store = storage.storeOn({
      runScript: async (...write) => {
        if (first) storage.clock.advance(31 * SECOND);
        first = false;
        return storage.runScript(...write);
      },
    });

    const update = await store.update(v.id, started(v.id, 'other'), known);

    expect(update?.stored.verification).toMatchObject({
      sends: 1,
      attempts: [{ status: 'unknown' }, { status: 'skipped' }, { status: 'skipped' }],
    });
  });

  it('closes in the same step as the callback: undated to dated, number free, masking due', async () => {
    const v = await storage.submit();
    const now = storage.clock.now();

    const { change } = (await storage.store.update(v.id, CANCEL)) ?? {};

    const [owed] = change?.callbacks ?? [];
    expect(await storage.redis.exists(storage.keys.active(v.owner, v.numberHash))).toBe(0);
    expect(await dueOf(v.id)).toBe(now + POLICY.numberRetentionMs);
    expect(await storage.redis.pexpiretime(storage.keys.verification(v.id))).toBe(now + RETENTION_MS);
    const callbackId = owed?.callback.id ?? 'cb_';
    expect(await storage.redis.pexpiretime(storage.keys.callback(callbackId))).toBe(now + RETENTION_MS);
    expect(await storage.redis.zscore(storage.keys.dueCallbacks, callbackId)).toBe(String(now));
    expect(await storage.callbacks.read(callbackId)).toEqual({
      version: '1',
      callback: owed?.callback,
      body: owed?.body,
    });
  });

  it('leaves the index for good once the number is masked, and keeps the day on which it vanishes', async () => {
    const v = await storage.submit();
    await storage.store.update(v.id, CANCEL);
    const vanishesAt = await storage.redis.pexpiretime(storage.keys.verification(v.id));
    storage.clock.advance(POLICY.numberRetentionMs);

    const masked = await storage.store.update(v.id, { type: 'tick' });

    expect(masked?.stored.verification.to).toBe(v.masked);
    expect(await dueOf(v.id)).toBeNull();
    expect(await storage.redis.pexpiretime(storage.keys.verification(v.id))).toBe(vanishesAt);
    expect(await storedCallbacks(v.id)).toHaveLength(1);
  });

  it('looks for the job of a waiting attempt soon, and of one on its way not before it can be lost', async () => {
    const v = await storage.submit();
    const now = storage.clock.now();
    await storage.store.update(v.id, started(v.id));
    expect(await dueOf(v.id)).toBe(now + POLICY.intentTtlMs);

    await storage.store.update(v.id, {
      type: 'try_ended',
      attemptId: attemptIdOf(v.id, 0),
      token: 'run',
      outcome: { kind: 'rate_limited', detail: '429', httpStatus: 429, retryAfterMs: 20 * SECOND },
      random: 0,
    });
    expect(await dueOf(v.id)).toBe(now + 20 * SECOND + LOOK_FOR_JOB_MS);
  });

  it('looks at a waiting one no later than at the next deadline', async () => {
    const v = await storage.submit({ expiresInMs: MINUTE });
    await storage.store.update(v.id, started(v.id));
    await storage.store.update(v.id, {
      type: 'try_ended',
      attemptId: attemptIdOf(v.id, 0),
      token: 'run',
      outcome: { kind: 'rate_limited', detail: '429', httpStatus: 429, retryAfterMs: 25 * SECOND },
      random: 0,
    });

    expect(await dueOf(v.id)).toBe(v.expiresAt - 30 * SECOND + 1);
  });

  it('owes no callback without a target, and still counts the events', async () => {
    const v = await storage.submit();
    const store = storage.storeOn({ callbackUrl: undefined });

    const update = await store.update(v.id, CANCEL);

    expect(update?.change).toMatchObject({ facts: [{ sequence: 1 }], callbacks: [] });
    expect(await storage.redis.exists(storage.keys.verificationCallbacks(v.id))).toBe(0);
  });

  it("owes it to the verification's own target before the configured one", async () => {
    const v = await storage.submit({ callbackUrl: 'https://own.example/' });
    await storage.store.update(v.id, CANCEL);

    expect((await storedCallbacks(v.id)).map((c) => c.url)).toEqual(['https://own.example/']);
  });
});

describe('a write that is sent twice', () => {
  it('answers as stored and owes its callbacks once', async () => {
    const v = await storage.submit();
    await storage.store.update(v.id, started(v.id));
    const store = storage.storeOn({ runScript: sendingTwice() });

    const update = await store.update(v.id, sent(v.id));

    expect(update).toMatchObject({ answer: { kind: 'over' }, change: { facts: [{ sequence: 1 }] } });
    expect(update?.stored).toEqual(await storage.store.read(v.id));
    expect((await storedCallbacks(v.id)).map((c) => c.id)).toEqual(update?.change?.callbacks.map((c) => c.callback.id));
  });

  it('reserves one try, one check and one place in the limit', async () => {
    const v = await storage.submit();
    const store = storage.storeOn({ runScript: sendingTwice() });

    expect((await store.update(v.id, started(v.id)))?.answer).toMatchObject({ kind: 'send', attempt: { tries: 1 } });
    await store.update(v.id, sent(v.id));
    expect((await store.update(v.id, { type: 'check_started', token: 'c', wellFormed: false }))?.answer).toEqual({
      kind: 'wrong',
    });

    expect((await storage.store.read(v.id))?.verification).toMatchObject({ sends: 1, checks: { used: 1 } });
  });

  it('is confirmed as a record is, since the connection that asks wrote nothing', async () => {
    const v = await storage.submit();
    const other = () => storage.store.update(v.id, started(v.id, 'other'));
    const confirmed: string[] = [];
    const confirmRecord = async (_key: string, version: string) => confirmed.push(version) > 1;
    const store = storage.storeOn({ runScript: sendingTwice(other), confirmRecord });

    const update = await store.update(v.id, { type: 'canceled', reason: 'canceled' });
    if (!update) throw new Error('it is gone');

    expect(await store.confirm(update)).toBe(true);
    const version = (await storage.store.read(v.id))?.version;
    expect(confirmed).toEqual([version, version]); // whatever was written after it, until it is confirmed
  });

  it('is known by its token after three more writes of others', async () => {
    const v = await storage.submit();
    await storage.store.update(v.id, started(v.id));
    await storage.store.update(v.id, sent(v.id));
    const others = async () => {
      for (const token of ['a', 'b', 'c'])
        await storage.store.update(v.id, { type: 'check_started', token, wellFormed: false });
    };
    const store = storage.storeOn({ runScript: sendingTwice(others) });

    const update = await store.update(v.id, { type: 'check_started', token: 'mine', wellFormed: false });

    expect(update?.answer).toEqual({ kind: 'wrong' });
    expect((await storage.store.read(v.id))?.verification.checks.used).toBe(4);
  });

  it('is not taken for stored because of a token that only looks alike', async () => {
    const v = await storage.submit();
    const known = await storage.store.read(v.id);
    const withToken = (token: string) =>
      storage.storeOn({ random: (bytes) => (bytes === 6 ? token : storage.random(bytes)) });
    await withToken('abc').update(v.id, started(v.id));

    await withToken('b').update(v.id, CANCEL, known);

    expect((await storage.store.read(v.id))?.verification.status).toBe('canceled');
  });
});

describe('many writers at once', () => {
  it('number the events of one verification without gap or repeat', async () => {
    const policy = { ...POLICY, resendCooldownMs: 0 };
    const v = await storage.submit({ maxSends: 100, steps: [{ channel: 'sms' }] });
    const counted = countingConflicts(storage.runScript);
    const otherRedis = storage.connect();
    const stores = [
      storage.storeOn({ policy, runScript: counted.runScript }),
      storage.storeOn({ policy, redis: otherRedis, runScript: createRunScript(otherRedis) }),
    ];
    const told: number[] = [];
    const update = async (n: number, event: VerificationEvent) => {
      const done = await stores[n % 2]?.update(v.id, event);
      told.push(...(done?.change?.facts.map((fact) => fact.sequence) ?? []));
      return done;
    };
    const ended = (attemptId: string, outcome: SendOutcome): VerificationEvent => ({
      type: 'try_ended',
      attemptId,
      token: attemptId,
      outcome,
      random: 0,
    });
    const lost: string[] = [];
    while (lost.length < 20) {
      const asked = await update(0, { type: 'attempt_requested', channel: 'sms' });
      const attemptId = asked?.stored.verification.attempts.at(-1)?.id ?? '';
      await update(0, { type: 'try_started', attemptId, token: attemptId });
      await update(0, ended(attemptId, { kind: 'unknown', detail: 'lost', httpStatus: null }));
      lost.push(attemptId);
    }

    await Promise.all([
      ...lost.map((id, n) => update(n, ended(id, { kind: 'sent', mfaId: id, httpStatus: 200 }))), // all answers come late
      ...Array.from({ length: 10 }, (_, n) => update(n, { type: 'attempt_requested', channel: 'sms' })),
    ]);
    await update(0, CANCEL);

    const { verification } = (await storage.store.read(v.id)) ?? {};
    const callbacks = await storedCallbacks(v.id);
    const upTo = Array.from({ length: 41 }, (_, i) => i + 1); // 20 lost, 20 accepted, canceled
    expect(counted.conflicts).toBeGreaterThan(5);
    expect(verification?.sequence).toBe(41);
    expect(callbacks.map((c) => c.sequence)).toEqual(upTo);
    expect(callbacks.map((c) => c.body.data.sequence)).toEqual(upTo);
    expect(told.sort((a, b) => a - b)).toEqual(upTo);
    expect(callbacks.at(-1)?.type).toBe('verification.canceled');
    expect(new Set(callbacks.map((c) => c.eventId)).size).toBe(41);
  });

  it('let exactly one have the try', async () => {
    const v = await storage.submit();

    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => storage.store.update(v.id, started(v.id, `run-${n}`))),
    );

    expect(answers.filter((update) => update?.answer.kind === 'send')).toHaveLength(1);
    expect(answers.filter((update) => update?.answer.kind === 'wait')).toHaveLength(29);
  });

  it('never reserve more checks than there are', async () => {
    const v = await storage.submit({ maxChecks: 3 });
    await storage.store.update(v.id, started(v.id));
    await storage.store.update(v.id, sent(v.id));

    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        storage.store.update(v.id, { type: 'check_started', token: `check-${n}`, wellFormed: true }),
      ),
    );

    expect(answers.filter((update) => update?.answer.kind === 'ask')).toHaveLength(3);
    expect(answers.filter((update) => update?.answer.kind === 'checks_in_flight')).toHaveLength(27);
  });

  it('close it once, however many ways there are', async () => {
    const v = await storage.submit({ maxChecks: 1, steps: [{ channel: 'sms' }] });
    await storage.store.update(v.id, started(v.id));
    await storage.store.update(v.id, sent(v.id));
    await storage.store.update(v.id, { type: 'check_started', token: 'c', wellFormed: true });

    await Promise.all([
      ...(['approved', 'wrong'] as const).map((result) =>
        storage.store.update(v.id, { type: 'check_ended', token: 'c', result, spent: [] }),
      ),
      storage.store.update(v.id, CANCEL),
      storage.store.update(v.id, { type: 'canceled', reason: 'replaced' }),
    ]);

    expect((await storedCallbacks(v.id)).map((c) => c.sequence)).toEqual([1, 2]);
  });
});

describe('the index of what is due', () => {
  it('gives what is overdue, the most overdue first, no more than asked for', async () => {
    const { redis, keys, store } = storage;
    await redis.del(keys.due);
    await redis.zadd(keys.due, 30, 'c', 10, 'a', 20, 'b', 31, 'd');

    expect(await store.overdue(30, 10)).toEqual(['a', 'b', 'c']);
    expect(await store.overdue(30, 2)).toEqual(['a', 'b']);
  });

  it('puts off the look at one that is in order', async () => {
    const v = await storage.submit();
    const at = storage.clock.now() + 20 * SECOND;

    await storage.store.lookAgain(v.id, await storage.store.read(v.id), at + 0.5);

    expect(await dueOf(v.id)).toBe(at);
  });

  it('never puts it off past the next deadline', async () => {
    const v = await storage.submit();
    const now = storage.clock.now();
    await storage.store.update(v.id, started(v.id));
    storage.clock.advance(POLICY.intentTtlMs - SECOND);

    await storage.store.lookAgain(v.id, await storage.store.read(v.id), storage.clock.now() + LOOK_FOR_JOB_MS);

    expect(await dueOf(v.id)).toBe(now + POLICY.intentTtlMs);
  });

  it('puts off what is overdue and stays so, lest one pass finds it for ever', async () => {
    const v = await storage.submit();
    const stored = await storage.store.read(v.id);
    storage.clock.advance(11 * MINUTE);

    await storage.store.lookAgain(v.id, stored, storage.clock.now() + LOOK_FOR_JOB_MS);

    expect(await dueOf(v.id)).toBe(storage.clock.now() + LOOK_FOR_JOB_MS);
  });

  it('leaves the place that a change made since gave it', async () => {
    const v = await storage.submit();
    const stored = await storage.store.read(v.id);
    await storage.store.update(v.id, started(v.id));

    await storage.store.lookAgain(v.id, stored, storage.clock.now() + MINUTE);

    expect(await dueOf(v.id)).toBe(storage.clock.now() + POLICY.intentTtlMs);
  });

  it('loses one whose record is gone', async () => {
    await storage.redis.zadd(storage.keys.due, 1, 'ver_gone');

    await storage.store.lookAgain('ver_gone', undefined, 0);

    expect(await storage.redis.zscore(storage.keys.due, 'ver_gone')).toBeNull();
  });
});

describe('a note whose verification is lost', () => {
  it('is dropped, unless it names another one by now', async () => {
    const lost = await storage.submit();
    const key = storage.keys.active(lost.owner, lost.numberHash);
    await storage.redis.del(storage.keys.verification(lost.id));

    await storage.store.forgetActive(lost, 'ver_another');
    expect(await storage.redis.get(key)).toBe(lost.id);
    await storage.store.forgetActive(lost, lost.id);
    expect(await storage.redis.get(key)).toBeNull();
  });
});
