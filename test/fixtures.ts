import { readFileSync } from 'node:fs';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { it as base, inject } from 'vitest';
import type { HttpTimeouts } from '../src/api/http-server.ts';
import { type RunningApi, startApi } from '../src/api/start-api.ts';
import type { Supervisor } from '../src/api/supervisor.ts';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import type { Clock } from '../src/shared/clock.ts';
import { loadConfig } from '../src/shared/config.ts';
import { createKeys } from '../src/shared/keys.ts';
import { createLogger } from '../src/shared/logger.ts';
import { partitionNames } from '../src/shared/partitions.ts';
import { QUEUE_NAMES, type QueueName } from '../src/shared/queues.ts';
import type { VerificationView } from '../src/shared/verification-view.ts';
import { type RunningWorker, startWorker } from '../src/worker/start-worker.ts';
import { type CallbackReceiver, startCallbackReceiver } from './callback-receiver.ts';
import { createOpenApiValidator } from './openapi-validator.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const API_KEY = 'a-test-secret-of-good-length';
export const OTHER_API_KEY = 'another-test-secret-of-good-length';
export const CALLBACK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const PROJECT_KEY = 'test-project';
const TOKEN = 'test-token';

/** A clock that runs by itself and that a test may move ahead. */
export interface MovableClock extends Clock {
  advance(ms: number): void;
}

function createMovableClock(): MovableClock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    advance(ms) {
      ahead += ms;
    },
  };
}

/** A Redis database of its own on the shared server; what a failed test leaves there stays for inspection. */
export async function ownDatabase(): Promise<string> {
  const server = inject('redisUrl');
  const redis = new Redis(server);
  const database = 1 + ((await redis.incr('next-test-database')) % 8_000);
  await redis.select(database);
  await redis.flushdb();
  redis.disconnect();
  return `${server}/${database}`;
}

/** The environment of a service whose SignalWire is the sandbox at `baseUrl`. */
export function testEnvironment(redisUrl: string, baseUrl: string): Record<string, string> {
  return {
    REDIS_URL: redisUrl,
    SIGNALWIRE_BASE_URL: baseUrl,
    SIGNALWIRE_PROJECT_KEY: PROJECT_KEY,
    SIGNALWIRE_TOKEN: TOKEN,
    API_KEYS: `test:${API_KEY},other:${OTHER_API_KEY}`,
    CALLBACK_SECRET,
    CALLBACK_ALLOW_NETWORKS: '127.0.0.0/8',
    CALLBACK_RETRY_SCHEDULE: '10ms,10ms,10ms',
    COUNTRIES: 'US,CA,GB',
    // few tests are about limits, and many use a number over and over
    LIMIT_NUMBER_COOLDOWN: 'off',
    HOST: '127.0.0.1',
    PORT: '0',
    SEND_TIMEOUT_MS: '3000',
    SEND_BACKOFF_MS: '5',
    SEND_BACKOFF_MAX_MS: '20',
    LOCK_DURATION_MS: '5000',
    SMS_RATE_PER_SECOND: '0',
    CALL_RATE_PER_SECOND: '0',
    LOG_LEVEL: 'info',
  };
}

export interface ServiceOptions {
  env?: Record<string, string>;
  /** Workers in this process; 0 leaves the jobs where they are. */
  workers?: number;
  /** With the demo page, as under `npm start`. */
  demo?: boolean;
  /** The process that would have started the API. */
  supervisor?: Supervisor;
  /** Shorter than in production, for tests of clients that are too slow. */
  timeouts?: HttpTimeouts;
}

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
}

export type Service = Awaited<ReturnType<typeof startService>>;

/** The whole service on real parts: Redis, the sandbox over HTTP, API, worker and a receiver of callbacks. */
export async function startService({
  env = {},
  workers: workerCount = 1,
  demo = false,
  supervisor,
  timeouts,
}: ServiceOptions = {}) {
  const clock = createMovableClock();
  const redisUrl = await ownDatabase();
  const sandbox = createSandbox({ projectKey: PROJECT_KEY, token: TOKEN, clock });
  const receiver: CallbackReceiver = await startCallbackReceiver();
  const environment: Record<string, string> = {
    ...testEnvironment(redisUrl, await sandbox.listen(0)),
    CALLBACK_URL: receiver.url,
    ...(demo && { DEMO: 'true', RINGBACK_SANDBOX_URL: sandbox.url }),
    ...env,
  };
  const logged: string[] = [];
  const level = environment['LOG_LEVEL'] ?? 'info';
  const logTo = (process: string) => createLogger(process, level, { write: (line: string) => logged.push(line) });
  const api: RunningApi = await startApi(loadConfig(environment, 'api'), logTo('api'), {
    clock,
    ...(supervisor && { supervisor }),
    ...(timeouts && { timeouts }),
  });
  const workers: RunningWorker[] = [];
  for (let i = 0; i < workerCount; i++)
    workers.push(await startWorker(loadConfig(environment, 'worker'), logTo('worker'), { clock }));
  const redis = new Redis(String(environment['REDIS_URL']));
  const partitions = partitionNames(Number(environment['PARTITIONS'] ?? 1)).map((partition) => {
    const prefix = createKeys().inPartition(partition).queuePrefix;
    const queues = QUEUE_NAMES.map((name) => [name, new Queue(name, { connection: redis, prefix })]);
    return Object.fromEntries(queues) as Record<QueueName, Queue>;
  });
  const [queues] = partitions as [Record<QueueName, Queue>];
  const allQueues = partitions.flatMap((partition) => Object.values(partition));
  const url = `http://127.0.0.1:${api.port}`;

  async function call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${API_KEY}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    refuseUndocumented(method, path, response, text);
    return { status: response.status, headers: response.headers, body: (text === '' ? {} : JSON.parse(text)) as T };
  }

  return {
    url,
    env: environment,
    clock,
    sandbox,
    receiver,
    redis,
    /** Those of the root partition. */
    queues,
    allQueues,
    api,
    workers,
    /** Every line that API and workers logged. */
    logged,
    call,

    /** Submits a verification that must be accepted. */
    async submit(body: Record<string, unknown>): Promise<VerificationView> {
      const answer = await call<VerificationView>('POST', '/v1/verifications', body);
      if (answer.status !== 202) throw new Error(`refused with ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body;
    },

    async read(id: string): Promise<VerificationView> {
      return (await call<VerificationView>('GET', `/v1/verifications/${id}`)).body;
    },

    check: (id: string, code: string) =>
      call<{ approved: boolean; checks: { used: number; max: number }; verification: VerificationView; code: string }>(
        'POST',
        `/v1/verifications/${id}/checks`,
        { code },
      ),

    /** Moves the clock and rings all alarms, as time itself would. */
    async advance(ms: number): Promise<void> {
      clock.advance(ms);
      for (const queue of allQueues) await queue.promoteJobs();
    },

    async close(): Promise<void> {
      await Promise.all([api.close(), ...workers.map((worker) => worker.close())]);
      await Promise.all(allQueues.map((queue) => queue.close()));
      redis.disconnect();
      await Promise.all([sandbox.close(), receiver.close()]);
      if (receiver.faults.length > 0) throw new Error(`undocumented callbacks: ${receiver.faults.join('; ')}`);
    },
  };
}

const document = JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8'));
const validator = createOpenApiValidator(document);

/** Every answer that a test meets has to be one that the OpenAPI document describes. */
function refuseUndocumented(method: string, path: string, response: Response, text: string): void {
  const template = Object.keys(document.paths).find((known) =>
    new RegExp(`^${known.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path.split('?')[0] ?? ''),
  );
  if (template === undefined || !(method.toLowerCase() in document.paths[template])) return;
  const contentType = response.headers.get('content-type') ?? undefined;
  const body: unknown = text === '' ? undefined : JSON.parse(text);
  const faults = validator.checkResponse({
    path: template,
    method,
    status: response.status,
    ...(contentType !== undefined && { contentType }),
    body,
  });
  if (faults.length > 0) throw new Error(`${method} ${path} is not as documented: ${faults.join('; ')}`);
}

let numbers = 0;

/** A number kept for fiction that no test in this file has used; never one with set behaviour in the sandbox. */
export function freshNumber(): string {
  numbers += 1;
  return `+1212555${2_000 + numbers}`;
}

/** All that a Redis database holds, as text. */
export async function everythingIn(redis: Redis): Promise<string> {
  const found: unknown[] = [];
  for (const key of (await redis.keys('*')).sort()) {
    const type = await redis.type(key);
    found.push(key);
    if (type === 'string') found.push(await redis.get(key));
    else if (type === 'hash') found.push(await redis.hgetall(key));
    else if (type === 'list') found.push(await redis.lrange(key, 0, -1));
    else if (type === 'zset') found.push(await redis.zrange(key, '0', '-1'));
    else if (type === 'set') found.push(await redis.smembers(key));
    else if (type === 'stream') found.push(await redis.xrange(key, '-', '+'));
    else if (type !== 'none') throw new Error(`cannot read a ${type}`); // none: it has just vanished
  }
  return JSON.stringify(found);
}

export const it = base.extend<{ service: Service }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
  service: async ({}, use) => {
    const service = await startService();
    await use(service);
    await service.close();
  },
});
