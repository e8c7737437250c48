import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { VerificationEvent } from '../../src/shared/decide.ts';
import type { VerificationId } from '../../src/shared/ids.ts';
import { createMetrics } from '../../src/shared/metrics.ts';
import { NotReplicatedError } from '../../src/shared/replication.ts';
import type { PartitionVerificationStore } from '../../src/shared/verification-store.ts';
import { createVerifications } from '../../src/shared/verifications.ts';
import { POLICY, SECOND, useStorage } from '../store-model/storage.ts';

const storage = useStorage();

/** Verifications whose errands take until they are let go, one of them with a code out. */
async function withSlowErrands(store = storage.store) {
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => logged.push(line) });
  const { promise: letGo, resolve: finish } = Promise.withResolvers<Error | undefined>();
  const seen: string[] = [];
  const verifications = createVerifications({
    store,
    errands: {
      async carryOut({ after }) {
        const error = await letGo;
        if (error) throw error;
        seen.push(after.status);
      },
    },
    metrics: createMetrics('api', ['GB']),
    log,
    onChange: async () => {},
  });
  const v = await storage.submit();
  const [attempt] = v.attempts;
  const run = { attemptId: attempt?.id ?? '', token: 'run' };
  await storage.store.update(v.id, { type: 'try_started', ...run });
  const outcome = { kind: 'sent', mfaId: 'mfa', httpStatus: 200 } as const;
  await storage.store.update(v.id, { type: 'try_ended', ...run, outcome, random: 0.5 });
  return { verifications, id: v.id as VerificationId, finish, seen, logged };
}

/** Whether it is settled once everything that can happen without waiting has happened. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const redisHasAnswered = storage.redis.ping().then(() => new Promise((resolve) => setImmediate(resolve)));
  return Promise.race([promise.then(() => false), redisHasAnswered.then(() => true)]);
}

const START: VerificationEvent = { type: 'check_started', token: 'check', wellFormed: true };
const RIGHT: VerificationEvent = { type: 'check_ended', token: 'check', result: 'approved', spent: [] };

describe('errands', () => {
  it('follow the answer to a check, and can be waited for', async () => {
    const { verifications, id, finish, seen } = await withSlowErrands();

    await verifications.update(id, START);
    const approved = await verifications.update(id, RIGHT);
    expect(approved?.stored.verification.status).toBe('approved');
    const settled = verifications.settled();
    expect([await isPending(settled), seen]).toEqual([true, []]);

    finish(undefined);
    await settled;
    expect(seen).toEqual(['pending', 'approved']);
  });

  it('that go wrong after the answer to a check are logged, and harm nobody', async () => {
    const { verifications, id, finish, logged } = await withSlowErrands();

    await verifications.update(id, START);
    await verifications.update(id, RIGHT);
    finish(new Error('no errand today'));
    await verifications.settled();

    expect(logged.join('')).toContain('no errand today');
    expect((await storage.store.read(id))?.verification.status).toBe('approved');
  });

  it('are run before anything else is answered', async () => {
    const { verifications, id, finish, seen } = await withSlowErrands();

    const canceled = verifications.update(id, { type: 'canceled', reason: 'canceled' });
    const stored = async () => (await storage.store.read(id))?.verification.status;
    await expect.poll(stored).toBe('canceled');
    expect([await isPending(canceled), seen]).toEqual([true, []]);

    finish(undefined);
    await canceled;
    expect(seen).toEqual(['canceled']);
  });
});

describe('with replicas that do not answer', () => {
  const refuse = () => Promise.reject(new NotReplicatedError('NOREPLICAS'));
  const cutOff = () => withSlowErrands({ ...storage.store, confirm: refuse } as PartitionVerificationStore);

  it.each<VerificationEvent>([
    START,
    { type: 'canceled', reason: 'canceled' },
    { type: 'attempt_requested', channel: undefined },
  ])('refuses $type, whose errands are run all the same', async (event) => {
    const { verifications, id, finish, seen } = await cutOff();
    finish(undefined);
    const before = await storage.store.read(id);

    storage.clock.advance(60 * SECOND);
    await expect(verifications.update(id, event)).rejects.toBeInstanceOf(NotReplicatedError);
    await verifications.settled();
    expect(seen).toHaveLength(1);
    expect((await storage.store.read(id))?.version).not.toBe(before?.version);
  });

  it('goes on with what has happened', async () => {
    const { verifications, id, finish } = await cutOff();
    finish(undefined);

    storage.clock.advance(60 * SECOND);
    const update = await verifications.update(id, { type: 'tick' });
    expect(update?.change?.facts).toMatchObject([{ type: 'verification.fallback' }]);
  });

  it('tells nobody of an approval, however often it is asked', async () => {
    const { verifications, id, finish } = await cutOff();
    finish(undefined);
    await storage.store.update(id, START);

    for (let i = 0; i < 2; i++)
      await expect(verifications.update(id, RIGHT)).rejects.toBeInstanceOf(NotReplicatedError);
    expect((await storage.store.read(id))?.verification.status).toBe('approved');
  });

  it('decides anew on what became another one while replicas were asked', async () => {
    const asked: string[] = [];
    const confirm: PartitionVerificationStore['confirm'] = async ({ stored }) => {
      asked.push(stored.version);
      if (asked.length > 1) return true;
      storage.clock.advance(POLICY.numberRetentionMs);
      await storage.store.update(id, { type: 'tick' });
      return false;
    };
    const { verifications, id, finish } = await withSlowErrands({ ...storage.store, confirm });
    finish(undefined);

    const cancel = { type: 'canceled', reason: 'canceled' } as const;
    await storage.store.update(id, cancel);
    const known = await storage.store.read(id);
    const update = await verifications.update(id, cancel);
    expect(asked).toEqual([known?.version, update?.stored.version]);
  });
});
