// What do clients cost that wait for a change of a verification? 5,000 of them, in a process of their own, against one API.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { ensureRedis } from '../scripts/ensure-redis.mjs';
import { type RunningApi, startApi } from '../src/api/start-api.ts';
import { loadConfig } from '../src/shared/config.ts';
import type { CrowdReport } from './crowd.ts';
import { median } from './report.ts';

const CLIENTS = 5_000;
const ROUNDS = 3;
/** How long commands are counted; together with the arrival of all it has to be less than the wait of 60 s. */
const WINDOW_MS = 10_000;
const KEY = 'bench-secret-of-good-length';
/** Fewer commands than this in a moment are those of a process that idles. */
const QUIET = 5;
/** Those with which this measures. */
const OWN_COMMANDS = /^cmdstat_(info|config|client|pubsub)/;

type Kind = 'wait' | 'stream';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const say = (what: string, figure: string) => process.stdout.write(`${what.padEnd(64)} ${figure}\n`);
const list = (values: readonly number[], digits = 0) => values.map((value) => value.toFixed(digits)).join(', ');

interface Stage {
  api: RunningApi;
  crowd: ChildProcess;
  redis: Redis;
  kind: Kind;
}

async function measure(kind: Kind, redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl);
  const env = {
    REDIS_URL: redisUrl,
    SIGNALWIRE_BASE_URL: 'http://127.0.0.1:9',
    SIGNALWIRE_PROJECT_KEY: 'p',
    SIGNALWIRE_TOKEN: 't',
    API_KEYS: `bench:${KEY}`,
    LIMIT_NUMBER_COOLDOWN: 'off',
    LIMIT_NUMBER: 'off',
    LIMIT_NUMBER_TOTAL: 'off',
    LIMIT_NUMBER_API_KEY: 'off',
    LIMIT_CLIENT_IP: 'off',
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'silent',
  };
  const api = await startApi(loadConfig(env, 'api'), pino({ level: 'silent' }));
  const crowd = fork(fileURLToPath(new URL('./crowd.ts', import.meta.url)));
  const stage: Stage = { api, crowd, redis, kind };
  try {
    const alone: number[] = [];
    const together: number[] = [];
    await answeredAfterChange(stage, CLIENTS); // warms up: code, sockets and heap
    const [idleMemory, idle] = [memory(), await commandsPerSecond(redis)];
    for (let round = 0; round < ROUNDS; round++) {
      alone.push(await answeredAfterChange(stage, 1));
      together.push(await answeredAfterChange(stage, CLIENTS));
    }

    const id = await submit(api);
    const { reported } = await open(stage, id, CLIENTS);
    const [busyMemory, busy] = [memory(), await commandsPerSecond(redis)];
    const connections = String(await redis.client('LIST'))
      .trim()
      .split('\n');
    const listening = connections.filter((connection) => !connection.includes(' sub=0 ')).length;
    const closedAt = Date.now();
    const closing = api.close();
    const { lastAt, statuses } = await reported;
    await closing;

    say(`Redis commands per second, nobody waits`, idle.toFixed(1));
    say(`… ${CLIENTS} wait`, busy.toFixed(1));
    say('connections to Redis that listen', String(listening));
    const perClient = (what: 'rss' | 'heapUsed') => (busyMemory[what] - idleMemory[what]) / CLIENTS / 1024;
    say('memory per client, resident', `${perClient('rss').toFixed(1)} KB`);
    say('memory per client, heap', `${perClient('heapUsed').toFixed(1)} KB`);
    say('one that waits is answered after a change', `${median(alone).toFixed(0)} ms   (rounds: ${list(alone)} ms)`);
    const ratio = median(together) / Math.max(1, median(alone));
    say(`… the last of ${CLIENTS}`, `${ratio.toFixed(0)} × that   (rounds: ${list(together)} ms)`);
    say('answered at shutdown', `${JSON.stringify(statuses)}, the last after ${lastAt - closedAt} ms`);
  } finally {
    crowd.kill();
    redis.disconnect();
  }
}

/** Milliseconds from the change to the answer of the last. */
async function answeredAfterChange(stage: Stage, clients: number): Promise<number> {
  const { api } = stage;
  const id = await submit(api);
  const { reported } = await open(stage, id, clients);
  const changedAt = Date.now();
  await call(api.port, 'POST', `/v1/verifications/${id}/cancel`);
  const { lastAt, statuses } = await reported;
  if (statuses['200'] !== clients)
    process.stdout.write(`not all were told of the change: ${JSON.stringify(statuses)}\n`);
  return lastAt - changedAt;
}

/** Returns once all wait; the report comes when all have been answered. */
async function open({ api, crowd, redis, kind }: Stage, id: string, clients: number) {
  const path = `/v1/verifications/${id}${kind === 'stream' ? '/timeline' : ''}`;
  const { headers } = await call(api.port, 'GET', `/v1/verifications/${id}`);
  const how =
    kind === 'stream' ? ['accept: text/event-stream'] : ['prefer: wait=60', `if-none-match: ${headers.get('etag')}`];
  const head = [`GET ${path} HTTP/1.1`, 'host: bench', `authorization: Bearer ${KEY}`, 'connection: close', ...how];
  const reported = once(crowd, 'message').then(([report]) => report as CrowdReport);
  crowd.send({ port: api.port, clients, request: `${head.join('\r\n')}\r\n\r\n` });
  while (api.waiting() < clients) await pause(20);
  // each has still to read what it waits for
  for (let before = Number.NaN; !(Math.abs((await commandCount(redis)) - before) < QUIET); await pause(200)) {
    before = await commandCount(redis);
    await pause(200);
  }
  return { reported };
}

async function submit({ port }: RunningApi): Promise<string> {
  numbers += 1;
  const { body } = await call(port, 'POST', '/v1/verifications', { to: `+1212555${2_000 + numbers}` });
  return body.id;
}
let numbers = 0;

async function call(port: number, method: string, path: string, body?: unknown) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { authorization: `Bearer ${KEY}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { headers: response.headers, body: (await response.json()) as { id: string } };
}

function memory() {
  collectGarbage();
  return process.memoryUsage();
}

/** Commands that Redis has run so far. */
async function commandCount(redis: Redis): Promise<number> {
  const lines = (await redis.info('commandstats')).split('\r\n').filter((line) => !OWN_COMMANDS.test(line));
  return lines.reduce((sum, line) => sum + Number(/:calls=(\d+)/.exec(line)?.[1] ?? 0), 0);
}

async function commandsPerSecond(redis: Redis): Promise<number> {
  const before = await commandCount(redis);
  await pause(WINDOW_MS);
  return ((await commandCount(redis)) - before) / (WINDOW_MS / 1000);
}

export async function waitingClients(): Promise<void> {
  const redis = await ensureRedis({ persist: false, log: () => {} });
  try {
    process.stdout.write(`${CLIENTS} clients with Prefer: wait=60\n`);
    await measure('wait', redis.url);
    process.stdout.write(`${CLIENTS} clients with Server-Sent Events\n`);
    await measure('stream', redis.url);
  } finally {
    await redis.stop();
  }
}
