import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { all } from '../load.ts';
import { numbers } from '../numbers.ts';
import { perSecond, type Row } from '../report.ts';
import type { Room } from '../room.ts';

const CONCURRENCY = 48;
const RETENTION_MS = 20_000;
const SAMPLES = 200;
const POLL_MS = 500;
/** One number after the other, as often as it takes; each has long been closed when its turn comes again. */
const NUMBERS = 170_000;

/** Resident memory over the run, for the plot. */
export interface Soak {
  rows: Row[];
  /** By process. */
  series: { name: string; points: [thousandsDone: number, megabytes: number][] }[];
}

/** Many verifications, one after the other: whether memory stays flat, and whether Redis is empty again in the end. */
export async function measureSoak(room: Room, size: { count: number }): Promise<Soak> {
  const callbacks = { CALLBACK_URL: room.receiver.url, RETENTION: `${RETENTION_MS / 1000}s` };
  const [api, worker] = await Promise.all([room.start('api', callbacks), room.start('worker', callbacks)]);
  const client = room.client(api.url);
  const emptyBytes = await usedBytes(room.redis);
  const watched = { API: api.child.pid ?? 0, worker: worker.child.pid ?? 0, Redis: room.redisPid };
  const series = Object.keys(watched).map((name) => ({ name, points: [] as [number, number][] }));
  let done = 0;
  const sample = async () => {
    const thousands = done / 1000;
    for (const [i, pid] of Object.values(watched).entries()) {
      series[i]?.points.push([thousands, await residentMegabytes(pid)]);
    }
  };
  const startedAt = performance.now();
  await all(again(numbers(Math.min(size.count, NUMBERS)), size.count), CONCURRENCY, async (to) => {
    const { id } = await client.submit(to);
    await room.receiver.event('verification.attempt.sent', id);
    await client.check(id);
    done += 1;
    if (done % Math.ceil(size.count / SAMPLES) === 0) await sample();
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const fullBytes = await usedBytes(room.redis);
  const left = await afterRetention(room.redis);
  await room.empty();

  const slopes = series.slice(0, 2).map(({ name, points }) => `${name} ${slope(points).toFixed(3)}`);
  const grown = series.map(({ name, points }) => {
    const [half, last] = [points[Math.floor(points.length / 2)], points.at(-1)];
    return `${name} ${half?.[1].toFixed(0)}, then ${last?.[1].toFixed(0)} MB`;
  });
  const megabytes = (bytes: number) => `${(bytes / 1_000_000).toFixed(1)} MB`;
  return {
    series,
    rows: [
      {
        what: `${size.count.toLocaleString('en')} verifications in ${Math.round(seconds)} s: memory of every process`,
        target: 'flat',
        figure: `${slopes.join(', ')} MB per 1,000`,
        detail: `by the second half of the run: ${grown.join('; ')}; ${perSecond(size.count / seconds)} were submitted, texted and approved`,
      },
      {
        what: 'the same: Redis after retention',
        target: 'back to its start',
        figure: `${megabytes(emptyBytes)} before, ${megabytes(left.bytes)} after`,
        detail: `${megabytes(fullBytes)} at the end of the run; of what is left ${left.fading.toLocaleString('en')} indexes and counters vanish within a day, ${left.lasting} keys (finished jobs, up to their caps, and queues) stay`,
      },
    ],
  };
}

function* again<T>(items: readonly T[], count: number): Generator<T> {
  for (let i = 0; i < count; i++) yield items[i % items.length] as T;
}

/** Waits until every verification and callback has vanished, and tells what is left. @throws when something would stay for ever. */
async function afterRetention(redis: Redis): Promise<{ bytes: number; fading: number; lasting: number }> {
  for (;;) {
    let [records, fading, lasting] = [0, 0, 0];
    for await (const batch of redis.scanStream({ count: 1_000 })) {
      for (const key of batch as string[]) {
        if (/:(verification:ver|callback:cb)_/.test(key)) records += 1;
        else if ((await redis.pttl(key)) === -1) lasting += 1;
        else fading += 1;
      }
      if (records > 0) break;
    }
    if (records === 0) return { bytes: await usedBytes(redis), fading, lasting };
    await pause(POLL_MS);
  }
}

async function usedBytes(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

/** Megabytes per 1,000 verifications, by least squares over the second half. */
function slope(points: readonly [number, number][]): number {
  const half = points.slice(Math.floor(points.length / 2));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(half.map(([at]) => at)), mean(half.map(([, mb]) => mb))];
  const covariance = half.reduce((sum, [at, mb]) => sum + (at - x) * (mb - y), 0);
  const variance = half.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  return variance === 0 ? 0 : covariance / variance;
}

async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
}
