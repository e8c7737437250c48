import type { Queue } from 'bullmq';
import { QUEUE_NAMES, type QueueName } from '../shared/queues.ts';

const INTERVAL_MS = 10_000;
/** Jobs that wait for so long while nothing moves are not waiting for their turn. */
const WEDGED_AFTER_MS = 60_000;

/** What of a BullMQ worker is looked at. */
interface Watched {
  name: string;
  on(event: 'active' | 'completed' | 'failed', listener: () => void): unknown;
}

interface Deps {
  queues: Record<QueueName, Queue>;
  workers: readonly Watched[];
  /** Milliseconds that only ever grow. */
  monotonicNow: () => number;
  /** Told at the start and after each look how long a queue has stood still, ms. */
  onLook?: (queue: QueueName, stillMs: number) => void;
}

/**
 * Notices a worker that looks alive and does nothing: a lost wake-up, or a blocked connection that never settles. BullMQ's
 * own `isRunning` stays true then, and only a new process helps.
 */
export function createWatchdog({ queues, workers, monotonicNow, onLook = () => {} }: Deps) {
  /** The jobs next in turn when a queue was last seen to move, and until when they were seen to be the same. */
  const still = new Map<string, { next: string; since: number; until: number }>();
  let timer: NodeJS.Timeout | undefined;
  for (const worker of workers) {
    const moved = () => still.delete(worker.name);
    for (const event of ['active', 'completed', 'failed'] as const) worker.on(event, moved);
  }

  /** The jobs next in turn; undefined when none waits, or none may be taken. */
  async function nextInTurn(queue: Queue): Promise<string | undefined> {
    const jobs = await queue.getJobs(['wait', 'prioritized'], 0, 0, true);
    if (jobs.length === 0 || (await queue.isPaused()) || (await queue.getRateLimitTtl()) > 0) return undefined;
    return jobs.map((job) => job.id).join(' ');
  }

  /** @returns the queue that nobody serves, if there is one. */
  async function check(): Promise<QueueName | undefined> {
    for (const name of QUEUE_NAMES) {
      const next = await nextInTurn(queues[name]);
      const now = monotonicNow();
      const before = still.get(name);
      if (next === undefined) still.delete(name);
      else if (before?.next !== next) still.set(name, { next, since: now, until: now });
      else before.until = now;
    }
    return QUEUE_NAMES.find((name) => stillMs(name) >= WEDGED_AFTER_MS);
  }

  /** How long jobs that may run have been seen to wait in a queue while nothing moved, ms. */
  function stillMs(queue: QueueName): number {
    const { since = 0, until = 0 } = still.get(queue) ?? {};
    return until - since;
  }

  function tell(): void {
    for (const name of QUEUE_NAMES) onLook(name, stillMs(name));
  }

  return {
    check,
    stillMs,

    /** Looks on until a queue is found wedged, and tells which. */
    start(onWedged: (queue: QueueName) => void): void {
      let looking = false;
      tell();
      timer = setInterval(async () => {
        if (looking) return; // while Redis is away nothing can move, and that is its trouble
        looking = true;
        try {
          const wedged = await check();
          if (wedged) onWedged(wedged);
        } catch {
          still.clear();
        } finally {
          tell();
          looking = false;
        }
      }, INTERVAL_MS);
    },
    stop: () => clearInterval(timer),
  };
}
