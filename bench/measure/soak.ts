import { readFile } from 'node:fs/promises';
import { all } from '../load.ts';
import { numbers } from '../numbers.ts';
import type { Row } from '../report.ts';
import type { Room } from '../room.ts';

const CONCURRENCY = 48;
const SAMPLE_MS = 1_000;

/** Resident memory over the run, for the plot. */
export interface Soak {
  rows: Row[];
  /** Seconds since the start, and megabytes, by process. */
  series: { name: string; points: [seconds: number, megabytes: number][] }[];
}

/** Many verifications, one after the other: whether memory stays flat, and whether the event loop keeps turning. */
export async function measureSoak(room: Room, size: { count: number }): Promise<Soak> {
  const callbacks = { CALLBACK_URL: room.receiver.url, RETENTION: '20s' };
  const [api, worker] = await Promise.all([room.start('api', callbacks), room.start('worker', callbacks)]);
  const client = room.client(api.url);
  const watched = { API: api.child.pid ?? 0, worker: worker.child.pid ?? 0, Redis: room.redisPid };
  const series = Object.keys(watched).map((name) => ({ name, points: [] as [number, number][] }));
  const startedAt = performance.now();
  const sample = async () => {
    const seconds = (performance.now() - startedAt) / 1000;
    for (const [i, pid] of Object.values(watched).entries()) {
      series[i]?.points.push([seconds, await residentMegabytes(pid)]);
    }
  };
  const timer = setInterval(() => void sample(), SAMPLE_MS);
  await all(numbers(Math.min(size.count, 170_000)), CONCURRENCY, async (to) => {
    const { id } = await client.submit(to);
    await room.receiver.event('verification.attempt.sent', id);
    await client.check(id);
  });
  clearInterval(timer);
  await sample();
  const seconds = (performance.now() - startedAt) / 1000;
  await room.empty();

  const slopes = series.slice(0, 2).map(({ name, points }) => `${name} ${slope(points).toFixed(2)}`);
  return {
    series,
    rows: [
      {
        what: `${size.count.toLocaleString('en')} verifications in ${Math.round(seconds)} s: memory of every process`,
        target: 'flat',
        figure: `${slopes.join(', ')} MB per 1,000`,
        detail: `of the second half of the run, in which ${Math.round(size.count / seconds)}/s were submitted, texted and approved`,
      },
    ],
  };

  /** Megabytes per 1,000 verifications, by least squares over the second half. */
  function slope(points: readonly [number, number][]): number {
    const half = points.slice(Math.floor(points.length / 2));
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [x, y] = [mean(half.map(([at]) => at)), mean(half.map(([, mb]) => mb))];
    const covariance = half.reduce((sum, [at, mb]) => sum + (at - x) * (mb - y), 0);
    const variance = half.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
    const perSecond = variance === 0 ? 0 : covariance / variance;
    return (perSecond * seconds * 1000) / size.count;
  }
}

async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
}
