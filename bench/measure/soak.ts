import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { all } from '../load.ts';
import { numbers } from '../numbers.ts';
import { perSecond, type Row } from '../report.ts';
import type { Room } from '../room.ts';

const CONCURRENCY = 64;
const RETENTION_MS = 20_000;
const SAMPLES = 200;
const HOUR_MS = 3_600_000;
const POLL_MS = 500;
const POLL_ONCE_SENT_MS = 5;
/** Every tenth is reported by callbacks: two of them cost as much as all the rest. */
const REPORTED = 10;
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
  const retention = { RETENTION: `${RETENTION_MS / 1000}s` };
  const [api, worker] = await Promise.all([room.start('api', retention), room.start('worker', retention)]);
  const client = room.client(api.url);
  const emptyBytes = await usedBytes(room.redis);
  const watched = { API: api.child.pid ?? 0, worker: worker.child.pid ?? 0, Redis: room.redisPid };
  const series = Object.keys(watched).map((name) => ({ name, points: [] as [number, number][] }));
  let begun = 0;
  let done = 0;
  const sample = async () => {
    const thousands = done / 1000;
    for (const [i, pid] of Object.values(watched).entries()) {
      series[i]?.points.push([thousands, await residentMegabytes(pid)]);
    }
  };
  const startedAt = performance.now();
  await all(again(numbers(Math.min(size.count, NUMBERS)), size.count), CONCURRENCY, async (to) => {
    begun += 1;
    const reported = begun % REPORTED === 0;
    const texted = room.provider.arrival(to);
    const { id } = await client.submit(to, reported ? { callback_url: room.receiver.url } : {});
    await texted;
    if (reported) await room.receiver.event('verification.attempt.sent', id);
    await checkOnceSent(client, id);
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
        detail: `by the second half of the run: ${grown.join('; ')}; ${perSecond(size.count / seconds)} were submitted, texted and approved, a tenth of them with callbacks`,
      },
      {
        what: 'the same: Redis after retention',
        target: 'back to its start',
        figure: `${megabytes(emptyBytes)} before, ${megabytes(left.bytes)} after`,
        detail: `${megabytes(fullBytes)} at the end of the run; of what is left ${left.fading.toLocaleString('en')} indexes and counters vanish by themselves, the last in ${(left.gone / HOUR_MS).toFixed(0)} h, ${left.lasting} keys (finished jobs, up to their caps, and queues) stay`,
      },
    ],
  };
}

/** The text has arrived; that SignalWire has accepted it may not be stored yet. */
async function checkOnceSent(client: ReturnType<Room['client']>, id: string): Promise<void> {
  for (;;) {
    const outcome = await client.check(id).catch((error: Error) => error);
    if (!(outcome instanceof Error)) return;
    if (!outcome.message.includes('no-code-sent')) throw outcome;
    await pause(POLL_ONCE_SENT_MS);
  }
}

function* again<T>(items: readonly T[], count: number): Generator<T> {
  for (let i = 0; i < count; i++) yield items[i % items.length] as T;
}

/** Waits until every verification and callback has vanished, and tells what is left. @throws when something would stay for ever. */
async function afterRetention(redis: Redis): Promise<{ bytes: number; fading: number; gone: number; lasting: number }> {
  for (;;) {
    let [records, fading, gone, lasting] = [0, 0, 0, 0];
    for await (const batch of redis.scanStream({ count: 1_000 })) {
      for (const key of batch as string[]) {
        if (/:(verification:ver|callback:cb)_/.test(key)) {
          records += 1;
          continue;
        }
        const ttl = await redis.pttl(key);
        gone = Math.max(gone, ttl);
        if (ttl === -1) lasting += 1;
        else fading += 1;
      }
      if (records > 0) break;
    }
    if (records === 0) return { bytes: await usedBytes(redis), fading, gone, lasting };
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
