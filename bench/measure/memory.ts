import type { Redis } from 'ioredis';
import { all } from '../load.ts';
import { numbers } from '../numbers.ts';
import type { Row } from '../report.ts';
import type { Room, Verification } from '../room.ts';

/** What a key belongs to, by its name without the hash tag. */
const KINDS: [kind: string, name: RegExp][] = [
  // first: a queue and an owner's list may begin alike
  [
    'job',
    /^(verifications|sms|call|callbacks):((ver|att|cb)_|(events|meta|id|wait|active|delayed|prioritized|completed|failed|marker|pc|stalled|limiter|metrics)\b)/,
  ],
  ['verification', /^verification:ver_\w+(:\w+)?$/],
  ['verification', /^(verifications:|active:|due$|familiar:)/],
  ['callback', /^(callback:|callbacks:|target-callbacks:|due-callbacks$)/],
];
type Kind = 'verification' | 'callback' | 'job' | 'other';

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
  const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(2)} KB`;
  const openBytes = each(open, 'verification') + each(open, 'job');
  const closedBytes = each(closed, 'verification');
  return [
    {
      what: 'Redis memory per open verification',
      target: 'under 3 KB',
      figure: kilobytes(openBytes),
      met: openBytes < 3_000,
      detail: `record and indexes ${kilobytes(each(open, 'verification'))}, jobs ${kilobytes(each(open, 'job'))}; apart: its callback ${kilobytes(each(open, 'callback'))}`,
    },
    {
      what: 'Redis memory per closed verification kept',
      target: 'under 1.5 KB',
      figure: kilobytes(closedBytes),
      met: closedBytes < 1_500,
      detail: `apart: finished jobs ${kilobytes(each(closed, 'job'))} (at most 1,000 of each queue are kept), two callbacks ${kilobytes(each(closed, 'callback'))}`,
    },
  ];
}

async function bytesByKind(redis: Redis): Promise<Map<Kind, number>> {
  const bytes = new Map<Kind, number>();
  for await (const batch of redis.scanStream({ count: 1_000 })) {
    const keys = batch as string[];
    const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key, 'SAMPLES', 0)));
    for (const [i, key] of keys.entries()) {
      const name = key.replace(/^\{[^}]*\}:/, '');
      const kind = (KINDS.find(([, pattern]) => pattern.test(name))?.[0] ?? 'other') as Kind;
      bytes.set(kind, (bytes.get(kind) ?? 0) + (sizes[i] ?? 0));
    }
  }
  return bytes;
}
