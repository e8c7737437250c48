import { Queue } from 'bullmq';
import { all, saturate } from '../load.ts';
import { numbers } from '../numbers.ts';
import type { Arrival } from '../provider.ts';
import { median, perSecond, type Row, rounds } from '../report.ts';
import type { Room } from '../room.ts';

const SANDBOX = new URL('../../src/sandbox/main.ts', import.meta.url);
const BARE = new URL('../yardsticks/bare-worker.ts', import.meta.url);
const FILLER = 'x'.repeat(250);
/** POST requests that SignalWire takes from one space: 13,800 in 10 s. */
const SIGNALWIRE_PER_SECOND = 1_380;

/** Codes that one worker process sends, against a bare BullMQ worker that makes one request for each job. */
export async function measureAttempts(room: Room, size: { rounds: number; count: number }): Promise<Row> {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < size.rounds; round++) {
    bare.push(await bareRate(room, size.count));
    ours.push(await attemptRate(room, size.count, 1));
  }
  const ratio = median(ours) / median(bare);
  const ofCeiling = median(ours) / SIGNALWIRE_PER_SECOND;
  return {
    what: 'attempts sent per second, one worker process, limits off',
    target: 'at least 0.5 × (b), and at least 2 × (d)',
    figure: `${ratio.toFixed(2)} × (b), ${ofCeiling.toFixed(2)} × (d)`,
    met: ratio >= 0.5 && ofCeiling >= 2,
    detail: `${perSecond(median(ours))} against (b) ${perSecond(median(bare))}; rounds ${rounds(ours)} and ${rounds(bare)}`,
  };
}

/** The sandbox of `npm start` under direct load: what the attempts would meet if it stood in for SignalWire here. */
export async function measureSandbox(room: Room, size: { ms: number }): Promise<Row> {
  const sandbox = await room.start(SANDBOX, {
    SANDBOX_PORT: '0',
    SANDBOX_PROJECT_KEY: 'bench',
    SANDBOX_TOKEN: 'bench',
  });
  const rate = async (url: string) => {
    const client = room.client(url, 64, `Basic ${Buffer.from('bench:bench').toString('base64')}`);
    const fresh = numbers(150_000).values();
    const send = () => client.send('POST', '/api/relay/rest/mfa/sms', { to: fresh.next().value });
    await saturate(64, size.ms / 4, send);
    return saturate(64, size.ms, send);
  };
  const [sandboxRate, standIn] = [await rate(sandbox.url), await rate(room.provider.url)];
  await room.empty();
  return {
    what: '(c) requests for codes that the sandbox of `npm start` answers per second',
    target: 'yardstick',
    figure: perSecond(sandboxRate),
    detail: `the stand-in of this bench, which only counts: ${perSecond(standIn)}`,
  };
}

/** The same with one, two and more worker processes. */
export async function measureWorkers(room: Room, size: { count: number; workers: readonly number[] }): Promise<Row> {
  const rates: [number, number][] = [];
  for (const workers of size.workers) rates.push([workers, await attemptRate(room, size.count, workers)]);
  const [, one = 1] = rates[0] ?? [];
  return {
    what: 'attempts sent per second by 1, 2, 4 worker processes',
    target: 'near-linear until a resource is full',
    figure: rates.map(([workers, rate]) => `${workers}: ${(rate / one).toFixed(2)} ×`).join(', '),
    detail: rates.map(([workers, rate]) => `${workers}: ${perSecond(rate)}`).join(', '),
  };
}

async function bareRate(room: Room, count: number): Promise<number> {
  const queue = new Queue('bare', { connection: room.redis, prefix: '{bare}' });
  await queue.addBulk(numbers(count).map((to) => ({ name: 'job', data: { to, filler: FILLER } })));
  await room.start(BARE);
  const rate = rateOf(await room.provider.expect(count));
  await queue.close();
  await room.empty();
  return rate;
}

/** @param env - another Redis, or other settings. */
export async function attemptRate(
  room: Room,
  count: number,
  workers: number,
  env: Record<string, string> = {},
): Promise<number> {
  const api = await room.start('api', env);
  const client = room.client(api.url);
  await all(numbers(count), 64, (to) => client.submit(to, { workflow: [{ channel: 'sms' }] }));
  await room.stop([api]);
  await Promise.all(Array.from({ length: workers }, () => room.start('worker', env)));
  const rate = rateOf(await room.provider.expect(count));
  await room.empty();
  return rate;
}

/** Per second, without the first tenth: the process is still being compiled then. */
function rateOf(arrivals: readonly Arrival[]): number {
  const counted = arrivals.slice(Math.floor(arrivals.length / 10));
  const ms = (counted.at(-1)?.at ?? 0) - (counted[0]?.at ?? 0);
  return ((counted.length - 1) * 1000) / ms;
}
