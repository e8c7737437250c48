import type { Redis } from 'ioredis';
import { createKeys } from '../../src/shared/keys.ts';
import { QUEUE_NAMES } from '../../src/shared/queues.ts';
import { all } from '../load.ts';
import { numbers } from '../numbers.ts';
import type { Row } from '../report.ts';
import type { Room, Verification } from '../room.ts';

/** What a key belongs to, by its name without the hash tag. A finished job is told from others by {@link finishedJobs}. */
const KINDS: [kind: Kind, name: RegExp][] = [
  // first: a queue and an owner's list may begin alike
  ['finished', /^(verifications|sms|call|callbacks):(completed|failed|events)$/],
  [
    'job',
    /^(verifications|sms|call|callbacks):((ver|att|cb)_|(meta|id|wait|active|delayed|prioritized|marker|pc|stalled|limiter|metrics)\b)/,
  ],
  ['callback', /^(callback:|callbacks:|target-callbacks:|due-callbacks$|verification:ver_\w+:callbacks$)/],
  ['verification', /^verification:ver_\w+(:\w+)?$/],
  ['verification', /^(verifications:|active:|due$|familiar:)/],
];
type Kind = 'verification' | 'callback' | 'job' | 'finished' | 'other';

/** Redis memory for each open verification, and for each closed one that is kept. */
export async function measureMemory(room: Room, size: { count: number }): Promise<Row[]> {
  const callbacks = { CALLBACK_URL: room.receiver.url };
  const [api] = await Promise.all([room.start('api', callbacks), room.start('worker', callbacks)]);
  const client = room.client(api.url);
  const made: Verification[] = [];
  await all(numbers(size.count), 32, async (to) => void made.push(await client.submit(to)));
  await all(made, 64, ({ id }) => room.receiver.event('verification.attempt.sent', id));
  const open = await bytesByKind(room.redis);
  await all(made, 32, ({ id }) => client.check(id));
  await all(made, 64, ({ id }) => room.receiver.event('verification.approved', id));
  const closed = await bytesByKind(room.redis);
  await room.empty();

  const each = (bytes: Map<Kind, number>, kind: Kind) => (bytes.get(kind) ?? 0) / size.count;
  const megabytes = (bytes: number) => `${(bytes / 1_000_000).toFixed(1)} MB`;
  const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(2)} KB`;
  const openBytes = each(open, 'verification') + each(open, 'job');
  const closedBytes = each(closed, 'verification');
  return [
    {
      what: 'Redis memory per open verification',
      target: 'under 3 KB',
      figure: kilobytes(openBytes),
      met: openBytes < 3_000,
      detail: `record and indexes ${kilobytes(each(open, 'verification'))}, its alarm ${kilobytes(each(open, 'job'))}; apart: its callback ${kilobytes(each(open, 'callback'))}`,
    },
    {
      what: 'Redis memory per closed verification kept',
      target: 'under 1.5 KB',
      figure: kilobytes(closedBytes),
      met: closedBytes < 1_500,
      detail: `apart: two callbacks ${kilobytes(each(closed, 'callback'))}; finished jobs and BullMQ's events ${megabytes(closed.get('finished') ?? 0)} in all (at most 1,000 and 2,000 of each queue are kept)`,
    },
  ];
}

async function bytesByKind(redis: Redis): Promise<Map<Kind, number>> {
  const bytes = new Map<Kind, number>();
  const finished = await finishedJobs(redis);
  for await (const batch of redis.scanStream({ count: 1_000 })) {
    const keys = batch as string[];
    const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key, 'SAMPLES', 0)));
    for (const [i, key] of keys.entries()) {
      const name = key.replace(/^\{[^}]*\}:/, '');
      const isFinished = finished.has(name.replace(/:logs$/, ''));
      const kind = isFinished ? 'finished' : (KINDS.find(([, pattern]) => pattern.test(name))?.[0] ?? 'other');
      bytes.set(kind, (bytes.get(kind) ?? 0) + (sizes[i] ?? 0));
    }
  }
  return bytes;
}

/** Names of the finished jobs' keys, without the hash tag. */
async function finishedJobs(redis: Redis): Promise<Set<string>> {
  const names = QUEUE_NAMES.flatMap((queue) =>
    ['completed', 'failed'].map(async (state) =>
      (await redis.zrange(`${createKeys().queuePrefix}:${queue}:${state}`, '0', '-1')).map((id) => `${queue}:${id}`),
    ),
  );
  return new Set((await Promise.all(names)).flat());
}
