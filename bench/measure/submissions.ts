import { saturate } from '../load.ts';
import { numbers } from '../numbers.ts';
import { median, perSecond, type Row, rounds } from '../report.ts';
import type { Room } from '../room.ts';

const CONCURRENCY = 64;
const BARE = new URL('../yardsticks/bare-api.ts', import.meta.url);

/** Submissions that one API process accepts, against bare Express + zod + one BullMQ job. */
export async function measureSubmissions(room: Room, size: { rounds: number; ms: number }): Promise<Row> {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < size.rounds; round++) {
    for (const [program, results] of [
      [BARE, bare],
      ['api', ours],
    ] as const) {
      const { url } = await room.start(program);
      const client = room.client(url, CONCURRENCY);
      const fresh = numbers(400_000).values();
      const submit = () => client.submit(String(fresh.next().value));
      await saturate(CONCURRENCY, size.ms, submit); // ours is compiled after some 6 s, the yardstick after one
      results.push(await saturate(CONCURRENCY, size.ms, submit));
      await room.empty();
    }
  }
  const ratio = median(ours) / median(bare);
  return {
    what: 'submissions accepted per second, one API process',
    target: 'at least 0.5 × (a)',
    figure: `${ratio.toFixed(2)} × (a)`,
    met: ratio >= 0.5,
    detail: `${perSecond(median(ours))} against (a) ${perSecond(median(bare))}; rounds ${rounds(ours)} and ${rounds(bare)}`,
  };
}
