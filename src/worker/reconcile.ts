import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { PartitionCallbackStore } from '../shared/callback-store.ts';
import type { Clock } from '../shared/clock.ts';
import type { Erasures } from '../shared/erasures.ts';
import type { PartitionErrands } from '../shared/errands.ts';
import type { CallbackId, RandomHex, VerificationId } from '../shared/ids.ts';
import type { Keys } from '../shared/keys.ts';
import type { Metrics } from '../shared/metrics.ts';
import { isRedisTrouble } from '../shared/redis-trouble.ts';
import { isClosed } from '../shared/verification.ts';
import { LOOK_FOR_JOB_MS, type PartitionVerificationStore } from '../shared/verification-store.ts';
import type { Verifications } from '../shared/verifications.ts';

interface Deps {
  redis: Redis;
  keys: Keys;
  store: PartitionVerificationStore;
  callbacks: PartitionCallbackStore;
  verifications: Verifications;
  /** Those of all partitions; only one of them looks after these. */
  erasures: Pick<Erasures, 'pending' | 'carryOn'> | undefined;
  errands: PartitionErrands;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
  randomHex: RandomHex;
  /** Sets the channels' rate limits where somebody has wiped them with their queue. */
  keepRateLimits: () => Promise<void>;
}

const INTERVAL_MS = 2_000;
/** An alarm's job rings within this time of its deadline when all is well. */
const ALARM_GRACE_MS = 1_000;
/** The same for a callback's job to be picked up. */
const CALLBACK_GRACE_MS = 5_000;
/** When to look again at a record that cannot be read. */
const SET_ASIDE_MS = 60_000;
/** When to look again at a closed one at the latest: it may have vanished by then. */
const LOOK_AT_CLOSED_MS = 24 * 60 * 60_000;
const BATCH = 200;
const AT_ONCE = 20;

/**
 * Puts right what jobs did not do: it reads the index of what is due, and for everything overdue lets the clock do its
 * work and looks for the missing jobs. It runs in every worker, one at a time, on a timer and a lease of its own, so it
 * depends on no job. Everything it does may be done twice.
 */
export function createReconciler(deps: Deps) {
  const { redis, keys, store, callbacks, verifications, errands, clock, metrics, log } = deps;
  const name = deps.randomHex(8);
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  async function reconcileVerification(id: VerificationId): Promise<void> {
    const update = await verifications.update(id, { type: 'tick' });
    if (update === undefined) return store.lookAgain(id, undefined, 0);
    if (update.change) metrics.repairs.inc({ kind: 'overdue_verification' });
    const { verification } = update.stored;
    if (isClosed(verification)) {
      // the index holds the moment of an earlier NUMBER_RETENTION: left there, it would be found over and over in one pass
      if (update.change === null) await store.lookAgain(id, update.stored, clock.now() + LOOK_AT_CLOSED_MS);
      return;
    }
    if ((await errands.repairJobs(verification)) === 'job_added') {
      metrics.repairs.inc({ kind: 'verification_job' });
      log.warn({ verification: id }, 'a job was missing and has been put back');
    }
    await store.lookAgain(id, update.stored, clock.now() + LOOK_FOR_JOB_MS);
  }

  async function reconcileCallback(id: CallbackId): Promise<void> {
    const stored = await callbacks.read(id);
    if (stored && (await errands.repairCallbackJob(stored)) === 'job_added') {
      metrics.repairs.inc({ kind: 'callback_job' });
      log.warn({ callback: id }, 'a callback had no job and has been queued again');
    }
    await callbacks.lookAgain(id, stored, clock.now() + LOOK_FOR_JOB_MS);
  }

  /** Handles ids a few at a time; one that cannot be handled is put aside and holds up nobody. */
  async function each<Id extends string>(ids: readonly Id[], index: string, handle: (id: Id) => Promise<void>) {
    for (let i = 0; i < ids.length; i += AT_ONCE) {
      await Promise.all(
        ids.slice(i, i + AT_ONCE).map(async (id) => {
          try {
            await handle(id);
          } catch (error) {
            if (isRedisTrouble(error)) throw error; // it is not the record's fault: the next pass comes to it again
            log.error(
              { id, reason: error instanceof Error ? error.message : String(error) },
              'could not reconcile; set aside',
            );
            metrics.repairs.inc({ kind: 'set_aside' });
            await redis.zadd(index, 'XX', Math.floor(clock.now() + SET_ASIDE_MS), id);
          }
        }),
      );
    }
  }

  /** One pass over everything that is overdue. */
  async function runOnce(): Promise<void> {
    let found: number;
    do {
      const ids = await store.overdue(clock.now() - ALARM_GRACE_MS, BATCH);
      await each(ids, keys.due, reconcileVerification);
      found = ids.length;
    } while (found === BATCH);
    do {
      const ids = await callbacks.overdue(clock.now() - CALLBACK_GRACE_MS, BATCH);
      await each(ids, keys.dueCallbacks, reconcileCallback);
      found = ids.length;
    } while (found === BATCH);
    const { erasures } = deps;
    if (erasures) await each(await erasures.pending(AT_ONCE), keys.dueErasures, (id) => erasures.carryOn(id));
  }

  async function turn(): Promise<void> {
    try {
      await deps.keepRateLimits();
      const mine = await redis.set(keys.reconcilerLease, name, 'PX', INTERVAL_MS - 50, 'NX');
      if (mine === 'OK') await runOnce();
    } catch (error) {
      log.error(
        { reason: error instanceof Error ? error.message : String(error) },
        'the reconciler failed; it goes on',
      );
    }
  }

  return {
    runOnce,
    start(): void {
      timer = setInterval(() => {
        running ??= turn().finally(() => {
          running = undefined;
        });
      }, INTERVAL_MS);
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      await running;
    },
  };
}
