import { createKeys } from '../../src/shared/keys.ts';
import { startCluster } from '../../test/redis-nodes.ts';
import { perSecond, type Row } from '../report.ts';
import type { Room } from '../room.ts';
import { attemptRate } from './attempts.ts';

const WORKERS = 2;

/** Codes sent over a Redis Cluster of three primaries on loopback, split into one, two and more partitions. */
export async function measurePartitions(
  room: Room,
  size: { count: number; partitions: readonly number[] },
): Promise<Row> {
  const rates: [number, number][] = [];
  for (const partitions of size.partitions) {
    const cluster = await startCluster(createKeys().due);
    try {
      const env = { REDIS_URL: cluster.url, PARTITIONS: String(partitions) };
      rates.push([partitions, await attemptRate(room, size.count, WORKERS, env)]);
    } finally {
      await cluster.stop();
    }
  }
  const [, one = 1] = rates[0] ?? [];
  return {
    what: `attempts sent per second by ${WORKERS} workers over 1, 2, 4 partitions of a Cluster on loopback`,
    target: 'near-linear until a resource is full',
    figure: rates.map(([partitions, rate]) => `${partitions}: ${(rate / one).toFixed(2)} ×`).join(', '),
    detail: `${rates.map(([partitions, rate]) => `${partitions}: ${perSecond(rate)}`).join(', ')}; each write synced to disk before its answer`,
  };
}
