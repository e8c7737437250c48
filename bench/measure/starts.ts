import { median, type Row } from '../report.ts';
import type { Room } from '../room.ts';

/** From the start of a process until it says that it is ready. */
export async function measureStarts(room: Room, size: { rounds: number }): Promise<Row> {
  const took: Record<'api' | 'worker', number[]> = { api: [], worker: [] };
  for (let round = 0; round < size.rounds; round++) {
    for (const role of ['api', 'worker'] as const) {
      const startedAt = performance.now();
      await room.start(role);
      took[role].push(performance.now() - startedAt);
      await room.stop();
    }
  }
  const [api, worker] = [median(took.api), median(took.worker)];
  return {
    what: 'start of API and worker to ready',
    target: 'under 1 s each',
    figure: `${Math.round(api)} ms and ${Math.round(worker)} ms`,
    met: api < 1_000 && worker < 1_000,
    detail: `medians of ${size.rounds}`,
  };
}
