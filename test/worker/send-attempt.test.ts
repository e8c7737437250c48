import { DelayedError, type Job, UnrecoverableError } from 'bullmq';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { SendOutcome } from '../../src/shared/classify-send.ts';
import { createErrands } from '../../src/shared/errands.ts';
import type { VerificationId } from '../../src/shared/ids.ts';
import { createMetrics } from '../../src/shared/metrics.ts';
import { createQueues, type Queues } from '../../src/shared/queues.ts';
import { NotReplicatedError } from '../../src/shared/replication.ts';
import { createTestNumbers } from '../../src/shared/test-numbers.ts';
import { createTroubleBoard, type TroubleBoard } from '../../src/shared/trouble.ts';
import type { OpenVerification, Verification } from '../../src/shared/verification.ts';
import { createVerifications, type Verifications } from '../../src/shared/verifications.ts';
import type { Circuit } from '../../src/worker/circuit.ts';
import { createHeldBack } from '../../src/worker/held-back.ts';
import { RetryLater } from '../../src/worker/retry-later.ts';
import { createSendAttempt } from '../../src/worker/send-attempt.ts';
import { type Draft, MINUTE, SECOND, useStorage } from '../store-model/storage.ts';

const storage = useStorage();
let queues: Queues;
let verifications: Verifications;
let troubles: TroubleBoard;
const logged: string[] = [];
const log = pino({}, { write: (line: string) => logged.push(line) });
const metrics = createMetrics('worker', ['US']);
const tallies = { countTry() {} };

beforeAll(() => {
  const { redis, keys, clock, store } = storage;
  queues = createQueues(redis, keys.queuePrefix);
  const errands = createErrands({ queues, clock, log });
  verifications = createVerifications({ store, errands, metrics, log, onChange: async () => {} });
  troubles = createTroubleBoard({ redis, keys });
});
afterAll(() => Promise.all(Object.values(queues).map((queue) => queue.close())));

const SENT: SendOutcome = { kind: 'sent', mfaId: 'mfa-1', httpStatus: 200 };
const UNREACHABLE: SendOutcome = {
  kind: 'not_sent',
  detail: 'connect timeout',
  httpStatus: null,
  retryAfterMs: undefined,
};

let tokens = 0;

/** A circuit that lets every try through. */
const closedCircuit = {
  admit: () => ({ giveBack() {}, run: <T>(send: () => Promise<T>) => send() }),
} as unknown as Circuit;

function createJob(data: unknown) {
  const job = {
    data,
    asked: {} as { sleepMs?: number },
    rows: [] as string[],
    log: async (row: string) => job.rows.push(row),
    async moveToDelayed(at: number) {
      job.asked.sleepMs = at - Date.now();
    },
  };
  return job;
}

async function submit(options: Draft = {}) {
  const creation = await verifications.create(storage.opening(options), storage.clock.now());
  if (creation.kind !== 'created') throw new Error('it is active');
  return creation.change.after as OpenVerification;
}
const jobOf = (v: Verification, n = 0) => {
  const attempt = v.attempts[n];
  return createJob({ verification_id: v.id, attempt_id: attempt?.id, channel: attempt?.channel, to: v.masked });
};
const read = async (id: VerificationId) => (await storage.store.read(id))?.verification;

interface Given {
  /** What happens while the claim is stored. */
  duringClaim?: () => void;
  /** What happens while the request is on its way. */
  onTheWay?: () => Promise<unknown>;
}

/** A processor whose SignalWire answers in turn with these. */
function createBench(answers: SendOutcome[], given: Given = {}) {
  const requests: Record<string, unknown>[] = [];
  const paused: unknown[] = [];
  let monotonicMs = 0;
  const sendAttempt = createSendAttempt({
    testNumbers: createTestNumbers([], storage.clock),
    verifications: {
      ...verifications,
      update: async (...event) => {
        const update = await verifications.update(...event);
        if (event[1].type === 'try_started') given.duringClaim?.();
        return update;
      },
    },
    signalwire: {
      send: async (request: Record<string, unknown>) => {
        requests.push(request);
        await given.onTheWay?.();
        const answer = answers.shift();
        if (!answer) throw new Error('one request too many');
        return answer;
      },
    } as never,
    circuits: { sms: closedCircuit, call: closedCircuit },
    heldBack: { sms: createHeldBack(0, () => monotonicMs), call: createHeldBack(0, () => monotonicMs) },
    pauseChannel: async (...call) => {
      paused.push(call);
    },
    troubles,
    clock: storage.clock,
    monotonicNow: () => monotonicMs,
    metrics,
    tallies,
    log,
    randomHex: () => {
      tokens += 1;
      return `run-${tokens}`;
    },
    random: () => 0.5,
  });
  return {
    requests,
    paused,
    passMonotonic(ms: number) {
      monotonicMs += ms;
    },
    run: (job: ReturnType<typeof createJob>) =>
      sendAttempt(job as unknown as Job, 'token').catch((error: unknown) => error),
  };
}

describe('one run of a channel queue', () => {
  it('is one try: the intent first, then the request, then its result', async () => {
    const v = await submit();
    const before: (Verification | undefined)[] = [];
    const { run, requests } = createBench([SENT], { onTheWay: async () => before.push(await read(v.id)) });

    expect(await run(jobOf(v))).toBe('attempt sent');

    expect(before[0]).toMatchObject({
      sends: 1,
      attempts: [{ status: 'sending', flight: { token: `run-${tokens}` } }],
    });
    expect(await read(v.id)).toMatchObject({
      status: 'pending',
      attempts: [{ status: 'sent', mfaId: 'mfa-1', flight: null }],
    });
    expect(requests).toEqual([
      {
        channel: 'sms',
        to: '+447700900123',
        tokenLength: 6,
        validForSeconds: 600,
        maxAttempts: 7,
        allowAlphas: false,
      },
    ]);
  });

  it('gives a try back that replicas do not have, even when Redis refuses to store that at first', async () => {
    const v = await submit();
    const { update } = verifications;
    const notReplicated = new NotReplicatedError('NOREPLICAS');
    const storing = vi.spyOn(verifications, 'update');
    onTestFinished(() => storing.mockRestore());
    storing.mockImplementationOnce(async (...event) => {
      await update(...event);
      throw notReplicated;
    });
    storing.mockRejectedValueOnce(new Error('OOM command not allowed'));
    const { run, requests } = createBench([]);

    expect(await run(jobOf(v))).toBe(notReplicated);

    expect(requests).toEqual([]);
    expect(await read(v.id)).toMatchObject({ sends: 0, attempts: [{ status: 'queued', tries: 0, flight: null }] });
  });

  it('lets no code outlive its verification', async () => {
    const v = await submit();
    storage.clock.advance(5.5 * SECOND);
    const { run, requests } = createBench([SENT]);
    await run(jobOf(v));

    expect(requests).toMatchObject([{ validForSeconds: 594 }]);
  });

  it('sends once, however often the job is run', async () => {
    const v = await submit();
    const { run, requests } = createBench([SENT]);

    expect(await run(jobOf(v))).toBe('attempt sent');
    expect(await run(jobOf(v))).toBe('attempt sent');
    expect(requests).toHaveLength(1);
  });

  it('sleeps while another run has the try, until that one must have ended', async () => {
    const v = await submit();
    const job = jobOf(v);
    const other = createBench([]);
    const { run } = createBench([SENT], { onTheWay: () => other.run(job) });

    await run(jobOf(v));

    expect(other.requests).toEqual([]);
    expect(job.asked.sleepMs).toBeGreaterThan(12.5 * SECOND);
    expect(job.asked.sleepMs).toBeLessThanOrEqual(13 * SECOND);
  });

  it.each([
    [1_999, 1],
    [2_000, 0],
  ])('leaves within 2 s of its intent (%i ms: %i request)', async (ms, sends) => {
    const v = await submit();
    const bench = createBench([SENT], { duringClaim: () => bench.passMonotonic(ms) });
    const job = jobOf(v);

    const ended = await bench.run(job);

    expect(bench.requests).toHaveLength(sends);
    expect(await read(v.id)).toMatchObject({ sends, attempts: [{ tries: sends, flight: null }] });
    if (sends === 0) expect(ended).toBeInstanceOf(DelayedError);
    if (sends === 0) expect(job.asked.sleepMs).toBeLessThanOrEqual(1);
  });

  it('fails the run of a try that was not sent, and asks for the delay that the record holds', async () => {
    const v = await submit();
    const { run } = createBench([UNREACHABLE]);

    const ended = await run(jobOf(v));

    expect(ended).toEqual(new RetryLater('not_sent: connect timeout', 250)); // half of the first backoff of 500 ms
    expect(await read(v.id)).toMatchObject({
      sends: 0,
      attempts: [{ status: 'queued', nextTryAt: storage.clock.now() + 250 }],
    });
  });

  it('tells in the log of the job what its result does not', async () => {
    const v = await submit();
    const { run } = createBench([UNREACHABLE, SENT, SENT]);
    const job = jobOf(v);

    await run(job);
    storage.clock.advance(250);
    await run(job);
    expect(job.rows).toEqual(['try 1: not_sent: connect timeout', 'try 2: sent']);

    const atOnce = jobOf(await submit());
    expect([await run(atOnce), atOnce.rows]).toEqual(['attempt sent', []]);
  });

  it('sleeps on when it is run before that delay is over', async () => {
    const v = await submit();
    const { run, requests } = createBench([{ ...UNREACHABLE, retryAfterMs: 20 * SECOND } as SendOutcome]);
    await run(jobOf(v));
    const job = jobOf(v);

    expect(await run(job)).toBeInstanceOf(DelayedError);
    expect(requests).toHaveLength(1);
    expect(job.asked.sleepMs).toBeGreaterThan(19.5 * SECOND);
  });

  it.each([
    [
      { kind: 'refused', detail: 'not a mobile', httpStatus: 422, providerCode: undefined, account: false } as const,
      'refused: not a mobile',
    ],
    [{ kind: 'unknown', detail: 'connection lost', httpStatus: null } as const, 'unknown: connection lost'],
  ])('fails the job for good when the attempt has ended unsent (%o)', async (outcome, reason) => {
    const v = await submit();
    const { run } = createBench([outcome]);

    expect(await run(jobOf(v))).toEqual(new UnrecoverableError(reason));
  });

  it('sends nothing for a closed one, or with too little time left', async () => {
    const closed = await submit();
    await verifications.update(closed.id, { type: 'canceled', reason: 'canceled' });
    const late = await submit({ expiresInMs: MINUTE });
    const { run, requests } = createBench([]);

    expect(await run(jobOf(closed))).toBe('attempt skipped (closed)');
    storage.clock.advance(30 * SECOND + 1);
    expect(await run(jobOf(late))).toBe('attempt skipped (time_left)');
    expect(requests).toEqual([]);
  });

  it('stores the answer that comes after the close, and starts nothing', async () => {
    const v = await submit();
    const { run } = createBench([SENT], {
      onTheWay: () => verifications.update(v.id, { type: 'canceled', reason: 'canceled' }),
    });

    expect(await run(jobOf(v))).toBe('attempt sent');
    expect(await read(v.id)).toMatchObject({
      status: 'canceled',
      timerAt: null,
      attempts: [{ status: 'sent' }],
      sequence: 1,
    });
  });

  it('sets a job aside that cannot be read, or whose verification is gone', async () => {
    const v = await submit();
    const job = jobOf(v);
    await storage.redis.del(storage.keys.verification(v.id));
    const { run } = createBench([]);

    expect(await run(createJob({ verification_id: v.id }))).toMatchObject({ name: 'UnrecoverableError' });
    expect(await run(job)).toEqual(new UnrecoverableError('set aside: there is no such verification'));
  });

  it('ends quietly when the verification vanished while the request was on its way', async () => {
    const v = await submit();
    const { run } = createBench([UNREACHABLE], { onTheWay: () => storage.redis.del(storage.keys.verification(v.id)) });

    expect(await run(jobOf(v))).toBe('gone');
  });

  it('tells the channel of a 429', async () => {
    const v = await submit();
    const { run, paused } = createBench([
      { kind: 'rate_limited', detail: '429', httpStatus: 429, retryAfterMs: 3_000 },
    ]);

    expect(await run(jobOf(v))).toMatchObject({ name: 'RetryLater', delayMs: 3_000 });
    expect(paused).toEqual([['sms', v.numberHash, 3_000]]);
  });

  it.each([
    [{ kind: 'misconfigured', detail: 'HTTP 401', httpStatus: 401 } as const, 'misconfigured'],
    [{ kind: 'refused', detail: 'balance', httpStatus: 422, providerCode: 'x', account: true } as const, 'account'],
  ])('tells the operator of trouble with the set-up, until a code is accepted (%o)', async (outcome, code) => {
    const first = await submit();
    const second = await submit();
    const { run } = createBench([outcome, SENT]);

    await run(jobOf(first));
    expect(await troubles.list()).toMatchObject([{ channel: 'sms', code, detail: outcome.detail }]);

    await run(jobOf(second));
    expect(await troubles.list()).toEqual([]);
  });

  it('does not trouble the operator with a number that is refused', async () => {
    const v = await submit();
    const { run } = createBench([
      { kind: 'refused', detail: 'no', httpStatus: 422, providerCode: undefined, account: false },
    ]);
    await run(jobOf(v));

    expect(await troubles.list()).toEqual([]);
  });

  it('never logs a full number', () => {
    expect(logged.length).toBeGreaterThan(5);
    expect(logged.join()).not.toContain('7700900');
  });
});
