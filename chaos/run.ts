import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { VerificationId } from '../src/shared/ids.ts';
import { createKeys } from '../src/shared/keys.ts';
import { unpackVerification } from '../src/shared/packed-verification.ts';
import { placesOf, ROOT_PARTITION } from '../src/shared/partitions.ts';
import { readRecord } from '../src/shared/record.ts';
import { activeAttempt, isClosed, type Verification } from '../src/shared/verification.ts';
import type { VerificationView } from '../src/shared/verification-view.ts';
import { type Audit, audit, type Evidence } from './audit.ts';
import { API_KEY, type ApiAnswer, createClients } from './clients.ts';
import { planFaults, runFaults } from './faults.ts';
import { createFleet, type UnexpectedEnd } from './fleet.ts';
import { pause, until } from './pause.ts';
import { PROJECT_KEY, startProvider, TOKEN } from './provider.ts';
import { createRandom } from './random.ts';
import { type Delivery, startReceiver } from './receiver.ts';
import { connectToAll, type RedisKind, serversOf, startRedisUnderTest } from './redis-under-test.ts';

export interface ChaosOptions {
  seed: number;
  redis: RedisKind;
  /** `PARTITIONS` of all processes. */
  partitions: number;
  /** `REDIS_WAIT_REPLICAS` of all processes. */
  waitReplicas: number;
  verifications: number;
  /** How long faults are injected. */
  faultsMs: number;
  /** Clients cancel what is still open after the faults; otherwise it lives until it expires. */
  cancelTheRest: boolean;
  log: (line: string) => void;
  signal: AbortSignal;
}

export interface ChaosResult {
  options: Pick<ChaosOptions, 'seed' | 'redis' | 'partitions' | 'waitReplicas' | 'verifications'>;
  tookMs: number;
  audit: Audit;
  /** Deaths and freezes of processes, and faults of their surroundings, by kind. */
  crashes: ReadonlyMap<string, number>;
  outages: ReadonlyMap<string, number>;
  /** Answers that no fault explains, and processes that ended by themselves. */
  oddAnswers: readonly ApiAnswer[];
  unexpectedEnds: readonly UnexpectedEnd[];
  /** All that is known about whom a finding names. */
  stories: ReadonlyMap<string, string>;
}

const MAX_SENDS = 4;
const WORKERS = 3;
const APIS = 2;
const READY_WITHIN_MS = 60_000;
/** After its end, or the end of the faults, a verification has to be closed within this time. */
const CLOSE_GRACE_MS = 10_000;
/** The worker of an attempt that was under way at the close may have died: others have to notice. */
const LAST_ATTEMPTS_WITHIN_MS = 15_000;
const CALLBACKS_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 500;
/** The last clients still have some faults to meet. */
const LAST_SUBMISSION_BEFORE_END = 0.25;

const SETTINGS = {
  SIGNALWIRE_PROJECT_KEY: PROJECT_KEY,
  SIGNALWIRE_TOKEN: TOKEN,
  API_KEYS: `chaos:${API_KEY}`,
  CALLBACK_SECRET: `whsec_${Buffer.alloc(32, 9).toString('base64')}`,
  CALLBACK_ALLOW_NETWORKS: '127.0.0.0/8',
  CALLBACK_RETRY_SCHEDULE: [
    ...Array(7).fill('100ms'),
    ...Array(6).fill('500ms'),
    ...Array(5).fill('2s'),
    '10s',
    '20s',
  ].join(),
  HOST: '127.0.0.1',
  PORT: '0',
  MAX_SENDS: String(MAX_SENDS),
  SEND_TIMEOUT_MS: '1000',
  SEND_BACKOFF_MS: '50',
  SEND_BACKOFF_MAX_MS: '1000',
  RESEND_COOLDOWN: '2',
  LOCK_DURATION_MS: '3000',
  SMS_RATE_PER_SECOND: '0',
  CALL_RATE_PER_SECOND: '0',
  BREAKER_MIN_TRIES: '0',
  // the clients here do what limits are there to prevent
  LIMIT_NUMBER_COOLDOWN: 'off',
  LIMIT_NUMBER: 'off',
  LIMIT_NUMBER_TOTAL: 'off',
  LIMIT_NUMBER_API_KEY: 'off',
  LIMIT_FAILED_CHECKS: 'off',
  LIMIT_FAILED_CHECKS_TOTAL: 'off',
  LOG_LEVEL: 'error',
};

/** One chaos run, from the start of all processes to the audit; leaves nothing behind, however it ends. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, log, signal } = options;
  const startedAt = Date.now();
  const random = createRandom(String(seed));
  const closers: (() => Promise<unknown>)[] = [];
  const opened = <T>(thing: T, close: (thing: T) => Promise<unknown>): T => {
    closers.unshift(() => close(thing));
    return thing;
  };

  try {
    const redis = opened(await startRedisUnderTest(options.redis), (it) => it.stop());
    const provider = opened(await startProvider(random.fork('provider')), (it) => it.close());
    const receiver = opened(await startReceiver(random.fork('receiver')), (it) => it.close());
    const store = opened(connectToAll(redis.directUrl), async (it) => it.disconnect());

    const roles = [...Array<'api'>(APIS).fill('api'), ...Array<'worker'>(WORKERS).fill('worker')];
    const fleet = opened(
      createFleet(
        roles.map((role, i) => ({
          role,
          name: `${role} ${i + 1}`,
          env: {
            ...SETTINGS,
            REDIS_URL: redis.urlOf(i),
            PARTITIONS: String(options.partitions),
            REDIS_WAIT_REPLICAS: String(options.waitReplicas),
            SIGNALWIRE_BASE_URL: provider.url,
            CALLBACK_URL: receiver.url,
          },
        })),
      ),
      (it) => it.close(),
    );
    fleet.start();
    const allReady = () => until(fleet.isReady, { withinMs: READY_WITHIN_MS, everyMs: 50, signal });
    if (!(await allReady())) throw new Error(`not all processes became ready: ${describeEnds(fleet.unexpected)}`);

    log(`${options.verifications} verifications, faults for ${options.faultsMs / 1000} s`);
    const clients = createClients({ random, provider, apiUrls: fleet.apiUrls, signal });
    const loadMs = options.faultsMs * (1 - LAST_SUBMISSION_BEFORE_END);
    const stories = Array.from({ length: options.verifications }, (_, n) => clients.run(n, loadMs));
    const plan = planFaults(random, options.faultsMs, redis);
    const [outages] = await Promise.all([runFaults(plan, { fleet, redis, provider, receiver, signal }), ...stories]);
    if (!(await allReady())) throw new Error(`not all processes came back: ${describeEnds(fleet.unexpected)}`);
    const faultsOverAt = Date.now();

    log('the faults are over; waiting for every verification to close');
    if (options.cancelTheRest) {
      for (const [id, v] of await readAll(store)) if (!isClosed(v)) await clients.insist(id, 'POST', '/cancel');
    }
    const overdue = await untilClosed(store, faultsOverAt, signal);
    const hasEnded = (v: Verification) => activeAttempt(v) === undefined;
    await until(async () => [...(await readAll(store)).values()].every(hasEnded), {
      withinMs: LAST_ATTEMPTS_WITHIN_MS,
      everyMs: LOOK_EVERY_MS,
      signal,
    });
    log('waiting for the last callbacks');
    await until(async () => allTaken(await readAll(store), receiver.deliveries), {
      withinMs: CALLBACKS_WITHIN_MS,
      everyMs: LOOK_EVERY_MS,
      signal,
    });

    const stored = await readAll(store);
    const shown = new Map<string, VerificationView | undefined>();
    for (const { id } of clients.submissions) {
      if (id === undefined) continue;
      const { status, body } = await clients.insist(id, 'GET');
      shown.set(id, status === 200 ? (body as VerificationView) : undefined);
    }
    for (const id of stored.keys()) {
      if (!shown.has(id)) shown.set(id, (await clients.insist(id, 'GET')).body as VerificationView);
    }
    const evidence: Evidence = {
      maxSends: MAX_SENDS,
      submissions: clients.submissions,
      stored,
      overdue,
      shown,
      answers: clients.answers,
      sends: provider.sends,
      checks: provider.checks,
      deliveries: receiver.deliveries,
    };
    const judged = audit(evidence);
    const tellers = new Map<string, string>();
    for (const { who } of judged.findings) tellers.set(who, await tellStory(who, evidence, store, options.partitions));
    return {
      options,
      tookMs: Date.now() - startedAt,
      audit: judged,
      crashes: fleet.crashes,
      outages,
      oddAnswers: clients.oddAnswers,
      unexpectedEnds: fleet.unexpected,
      stories: tellers,
    };
  } finally {
    for (const close of closers) await close();
  }
}

/** Everything that Redis holds, read without touching it: a GET of the API would let time do its work. */
async function readAll(store: Redis): Promise<Map<string, Verification>> {
  const found = new Map<string, Verification>();
  for (const server of await serversOf(store)) {
    for await (const batch of server.scanStream({
      match: '{ringback:*}:verification:ver_*',
      count: 1_000,
      type: 'string',
    })) {
      for (const key of batch as string[]) {
        const record = await store.get(key);
        const id = key.slice(key.lastIndexOf(':') + 1) as VerificationId;
        if (record !== null) found.set(id, unpackVerification(id, readRecord(record).doc));
      }
    }
  }
  return found;
}

/** @returns those that stayed open although their time was over and all was well. */
async function untilClosed(store: Redis, faultsOverAt: number, signal: AbortSignal): Promise<Set<string>> {
  for (;;) {
    const open = [...(await readAll(store)).values()].filter((v) => !isClosed(v));
    const deadline = (v: Verification) => Math.max(v.expiresAt, faultsOverAt) + CLOSE_GRACE_MS;
    if (open.every((v) => Date.now() > deadline(v))) return new Set(open.map(({ id }) => id));
    await pause(LOOK_EVERY_MS, signal);
  }
}

/** Whether each event of each verification has been answered with a 2xx. */
function allTaken(stored: ReadonlyMap<string, Verification>, deliveries: readonly Delivery[]): boolean {
  const taken = new Set<string>();
  for (const delivery of deliveries) {
    const { verification, sequence } = delivery.body.data;
    if (delivery.taken) taken.add(`${verification.id} ${sequence}`);
  }
  return [...stored.values()].every((v) =>
    Array.from({ length: v.sequence }).every((_, i) => taken.has(`${v.id} ${i + 1}`)),
  );
}

/** What Redis, its job, SignalWire, the receiver and the API's answers say about one verification. */
async function tellStory(who: string, evidence: Evidence, store: Redis, partitions: number): Promise<string> {
  const v = evidence.stored.get(who);
  const reference = v?.reference ?? who;
  const [partition] = placesOf(who as VerificationId, partitions);
  const prefix = createKeys().inPartition(partition ?? ROOT_PARTITION).queuePrefix;
  const queue = new Queue('verifications', { connection: store, prefix });
  const { logs } = await queue.getJobLogs(who);
  await queue.close();
  const lines = [
    `stored: ${JSON.stringify(v)}`,
    ...logs.map((line) => `job: ${line}`),
    ...(evidence.answers.get(who) ?? []).map(
      ({ at, method, route, status, body }) =>
        `${time(at)} api: ${method} ${route} ${status} ${body.code ?? body.status ?? ''}`,
    ),
    ...(evidence.sends.get(reference) ?? []).map(
      ({ at, operation, accepted, status, id }) =>
        `${time(at)} signalwire: ${operation} ${accepted ? `accepted as ${id}` : 'not accepted'}, answered ${status}`,
    ),
    ...evidence.deliveries
      .filter(({ body }) => body.data.verification.id === who)
      .map(
        ({ at, eventId, taken, body }) =>
          `${time(at)} receiver: ${body.data.sequence} ${body.type} ${eventId} ${taken ? 'taken' : 'not taken'}`,
      ),
  ];
  return lines.join('\n');
}

function describeEnds(ends: readonly UnexpectedEnd[]): string {
  return ends.map(({ name, how, output }) => `${name} ended (${how}): ${output}`).join('\n') || 'no process ended';
}

const time = (at: number) => new Date(at).toISOString();
