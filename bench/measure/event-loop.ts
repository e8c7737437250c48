import type { Redis } from 'ioredis';
import { findQuietPort } from '../../test/quiet-port.ts';
import { all, saturate } from '../load.ts';
import { numbers } from '../numbers.ts';
import { perSecond, type Row } from '../report.ts';
import type { Room } from '../room.ts';

const CONCURRENCY = 64;

/** How long the event loops of API and worker are held up while verifications come as fast as they can be taken. */
export async function measureEventLoop(room: Room, size: { ms: number }): Promise<Row> {
  const callbacks = { CALLBACK_URL: room.receiver.url };
  const ports = { api: await findQuietPort(), worker: await findQuietPort() };
  const start = (program: 'api' | 'worker') =>
    room.start(program, { ...callbacks, METRICS_PORT: String(ports[program]) });
  const [api] = await Promise.all([start('api'), start('worker')]);
  const client = room.client(api.url);
  const fresh = numbers(170_000).values();
  const one = async () => {
    const { id } = await client.submit(String(fresh.next().value));
    await room.receiver.event('verification.attempt.sent', id);
    await client.check(id);
  };
  await all(Array.from({ length: 300 }), CONCURRENCY, one);
  const look = () => Promise.all([lookAt(ports.api), lookAt(ports.worker), redisCpuMs(room.redis)]);
  const [apiBefore, workerBefore, redisBefore] = await look(); // each look starts the count of delays anew
  let lives = 0;
  const rate = await saturate(CONCURRENCY, size.ms, () => one().then(() => (lives += 1)));
  const [ofApi, ofWorker, redisAfter] = await look();
  await room.empty();
  const cpu = [ofApi.cpuMs - apiBefore.cpuMs, ofWorker.cpuMs - workerBefore.cpuMs, redisAfter - redisBefore];
  const [apiEach, workerEach, redisEach] = cpu.map((ms) => (ms / lives).toFixed(1));
  return {
    what: 'event loop delay of API and worker under full load',
    target: 'p99 under 50 ms',
    figure: `p99 ${ofApi.delayMs.toFixed(1)} and ${ofWorker.delayMs.toFixed(1)} ms`,
    met: Math.max(ofApi.delayMs, ofWorker.delayMs) < 50,
    detail: `as Node measures it, 10 ms apart; ${perSecond(rate)} were submitted, texted and approved, each with ${apiEach} ms of CPU time in the API, ${workerEach} ms in the worker, ${redisEach} ms in Redis`,
  };
}

/** Of a process: the delay of its event loop, p99 since somebody looked last, and the CPU time that it has taken. */
async function lookAt(metricsPort: number): Promise<{ delayMs: number; cpuMs: number }> {
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const ms = (name: string) => 1000 * Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(metrics)?.[1]);
  return { delayMs: ms('nodejs_eventloop_lag_p99_seconds'), cpuMs: ms('process_cpu_seconds_total') };
}

async function redisCpuMs(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  const ms = (name: string) => 1000 * Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]);
  return ms('used_cpu_user') + ms('used_cpu_sys');
}
