import { CHANNELS, type Channel } from '../../shared/channel.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Config } from '../../shared/config.ts';
import type { Policy } from '../../shared/decide.ts';
import { createOldestWaiting } from '../../shared/oldest-waiting.ts';
import type { Partition } from '../../shared/partitioned.ts';
import { QUEUE_NAMES, type QueueName } from '../../shared/queues.ts';
import type { Tallies } from '../../shared/tallies.ts';
import type { TroubleBoard } from '../../shared/trouble.ts';

/** The limiter of a queue that counts more than any rate allows is one that a 429 has paused. */
const PAUSED = 1_000_000;
/** BullMQ counts a turn here, too; a shorter pause is only that. */
const PAUSE_TOLD_MS = 1_500;
const MINUTE_MS = 60_000;

interface Deps {
  policy: Policy;
  partitions: readonly Partition[];
  tallies: Pick<Tallies, 'read'>;
  troubles: Pick<TroubleBoard, 'list'>;
  channels: Config['channels'];
  clock: Clock;
}

/** Builds the view of this very moment: the queues, the channels and what is wrong at SignalWire. */
export function createNow({ policy, partitions, tallies, troubles, channels, clock }: Deps) {
  const oldestWaiting = createOldestWaiting({ policy, clock });

  async function queue(name: QueueName) {
    const each = await Promise.all(
      partitions.map(async (partition) => {
        const queue = partition.queues[name];
        const [counts, paused, lagMs] = await Promise.all([
          queue.getJobCounts('wait', 'prioritized', 'active', 'delayed', 'failed'),
          queue.isPaused(),
          oldestWaiting(partition, name),
        ]);
        return { counts, paused, lagMs };
      }),
    );
    const add = (state: string) => each.reduce((all, { counts }) => all + (counts[state] ?? 0), 0);
    return {
      queue: name,
      waiting: add('wait') + add('prioritized'),
      active: add('active'),
      delayed: add('delayed'),
      failed: add('failed'),
      paused: each.some(({ paused }) => paused),
      /** How long what is first in line has been due. */
      lag_ms: Math.floor(Math.max(...each.map(({ lagMs }) => lagMs))),
    };
  }

  async function channel(name: Channel) {
    const { ratePerSecond } = channels[name];
    const [load, rests] = await Promise.all([
      tallies.read('load', 2),
      Promise.all(partitions.map(({ queues }) => queues[name].getRateLimitTtl(PAUSED))),
    ]);
    const minute = Math.floor(clock.now() / MINUTE_MS) - 1;
    const tries = load
      .flatMap(({ counts }) => counts)
      .filter(({ tally }) => tally[1] === name && Number(tally[2]) === minute)
      .reduce((all, { count }) => all + count, 0);
    const pausedMs = Math.max(...rests);
    return {
      channel: name,
      /** null: no limit. */
      rate_per_second: ratePerSecond === 0 ? null : ratePerSecond,
      /** In the last full minute. */
      tries_per_minute: tries,
      use: ratePerSecond === 0 ? null : tries / (ratePerSecond * 60),
      paused_ms: pausedMs > PAUSE_TOLD_MS ? pausedMs : 0,
    };
  }

  return async function now() {
    const [queues, rates, wrong] = await Promise.all([
      Promise.all(QUEUE_NAMES.map(queue)),
      Promise.all(CHANNELS.map(channel)),
      troubles.list(),
    ]);
    const isOpen = (name: Channel) => wrong.some(({ channel, code }) => channel === name && code === 'circuit_open');
    return {
      at: new Date(clock.now()).toISOString(),
      queues,
      channels: rates.map((rate) => ({ ...rate, circuit: isOpen(rate.channel) ? 'open' : 'closed' })),
      troubles: wrong,
    };
  };
}
