// How much do receivers that hang or fail slow down the others? 1,000 callbacks to 10 endpoints, of which 3 never answer
// and 2 answer 500, against the five healthy ones alone (500 callbacks) and among ten healthy ones (1,000), alternating.
import { setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { ensureRedis } from '../scripts/ensure-redis.mjs';
import { startApi } from '../src/api/start-api.ts';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import { loadConfig } from '../src/shared/config.ts';
import { startWorker } from '../src/worker/start-worker.ts';
import { median, say } from './report.ts';

const EVENTS = 100;
const ROUNDS = 3;
const PACE_MS = 20;
const KEY = 'bench-secret-of-good-length';
type Behaviour = 'healthy' | 'hanging' | 'failing';

/** A receiver that counts what it took. */
async function startReceiver(behaviour: Behaviour) {
  let taken = 0;
  let lastAt = 0;
  let full = () => {};
  const all = new Promise<void>((resolve) => {
    full = resolve;
  });
  const server = createServer((request, response) => {
    request.resume();
    if (behaviour === 'hanging') return;
    if (behaviour === 'failing') return void response.writeHead(500).end();
    response.writeHead(204).end();
    taken += 1;
    lastAt = performance.now();
    if (taken === EVENTS) full();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    behaviour,
    url: `http://127.0.0.1:${port}/`,
    all,
    lastAt: () => lastAt,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Milliseconds from the first cancellation to the last event at the last healthy receiver. */
async function measure(redisUrl: string, behaviours: readonly Behaviour[], paceMs: number): Promise<number> {
  const redis = new Redis(redisUrl);
  await redis.flushdb();
  redis.disconnect();
  const sandbox = createSandbox({ projectKey: 'p', token: 't' });
  const receivers = await Promise.all(behaviours.map(startReceiver));
  const env = {
    REDIS_URL: redisUrl,
    SIGNALWIRE_BASE_URL: await sandbox.listen(0),
    SIGNALWIRE_PROJECT_KEY: 'p',
    SIGNALWIRE_TOKEN: 't',
    API_KEYS: `bench:${KEY}`,
    CALLBACK_ALLOW_NETWORKS: '127.0.0.0/8',
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'silent',
  };
  const log = pino({ level: 'silent' });
  const api = await startApi(loadConfig(env, 'api'), log);
  const post = (path: string, body?: unknown) =>
    fetch(`http://127.0.0.1:${api.port}/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).then((response) => response.json() as Promise<{ id: string }>);
  for (const { url } of receivers) await post('/callback-endpoints', { url, types: ['verification.canceled'] });
  const ids: string[] = [];
  for (let i = 0; i < EVENTS; i++) ids.push((await post('/verifications', { to: `+1212555${2_000 + i}` })).id);
  const cancel = (id: string) => post(`/verifications/${id}/cancel`);
  // in a burst the events pile up while there is no worker, and are then all due at once
  if (paceMs === 0) for (const id of ids) await cancel(id);
  const worker = await startWorker(loadConfig(env, 'worker'), log);
  const startedAt = performance.now();
  if (paceMs > 0) {
    for (const id of ids) {
      await cancel(id);
      await pause(paceMs);
    }
  }
  const healthy = receivers.filter(({ behaviour }) => behaviour === 'healthy');
  await Promise.all(healthy.map(({ all }) => all));
  const took = Math.max(...healthy.map(({ lastAt }) => lastAt())) - startedAt;
  for (const receiver of receivers) receiver.close();
  await Promise.all([api.close(), worker.close(), sandbox.close()]);
  return took;
}

export async function slowReceivers(): Promise<void> {
  setMaxListeners(100);
  const redis = await ensureRedis({ persist: false, log: () => {} });
  try {
    const healthy: Behaviour[] = Array(5).fill('healthy');
    const mixed: Behaviour[] = ['hanging', 'failing', 'hanging', 'failing', 'hanging', ...healthy];
    const alone: number[] = [];
    const amongTen: number[] = [];
    const beside: number[] = [];
    const pacedAlone: number[] = [];
    const pacedBeside: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      alone.push(await measure(redis.url, healthy, 0));
      amongTen.push(await measure(redis.url, [...healthy, ...healthy], 0));
      beside.push(await measure(redis.url, mixed, 0));
      pacedAlone.push(await measure(redis.url, healthy, PACE_MS));
      pacedBeside.push(await measure(redis.url, mixed, PACE_MS));
    }
    say('a burst to 5 healthy receivers, alone', `${Math.round(median(alone))} ms`, alone);
    say('… as five of ten healthy ones', `${(median(amongTen) / median(alone)).toFixed(2)} × that`, amongTen);
    say('… beside 3 that hang and 2 that fail', `${(median(beside) / median(alone)).toFixed(2)} × that`, beside);
    say('one event every 20 ms to 5 healthy ones, alone', `${Math.round(median(pacedAlone))} ms`, pacedAlone);
    say(
      '… beside 3 that hang and 2 that fail',
      `${(median(pacedBeside) / median(pacedAlone)).toFixed(2)} × that`,
      pacedBeside,
    );
  } finally {
    await redis.stop();
  }
}
