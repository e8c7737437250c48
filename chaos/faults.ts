import type { Fleet } from './fleet.ts';
import { pause } from './pause.ts';
import { API_POINTS, FREEZE_POINTS, type Order, type Point, WORKER_POINTS } from './points.ts';
import type { Provider } from './provider.ts';
import type { Random } from './random.ts';
import type { Receiver } from './receiver.ts';
import type { RedisUnderTest } from './redis-under-test.ts';

const FAULTS = [
  'worker dies at a point',
  'worker freezes at a point',
  'worker dies',
  'api dies at a point',
  'api dies',
  'redis killed',
  'redis frozen',
  'redis unreachable',
  'provider down',
  'provider silent',
  'receiver failing',
  'receiver silent',
  'receiver down',
] as const;
type FaultKind = (typeof FAULTS)[number];

const WEIGHTS: Record<FaultKind, number> = {
  'worker dies at a point': 34,
  'worker freezes at a point': 14,
  'worker dies': 6,
  'api dies at a point': 12,
  'api dies': 4,
  'redis killed': 6,
  'redis frozen': 3,
  'redis unreachable': 7,
  'provider down': 3,
  'provider silent': 3,
  'receiver failing': 3,
  'receiver silent': 3,
  'receiver down': 3,
};

interface PlannedFault {
  kind: FaultKind;
  /** Since the fault before it began. */
  afterMs: number;
  lastsMs: number;
  point: Point;
  /** See {@link Order}. */
  commands: number;
  /** From 0 up to 1: which of those that could be hit. */
  whom: number;
}

interface Deps {
  fleet: Fleet;
  redis: RedisUnderTest;
  provider: Provider;
  receiver: Receiver;
  signal: AbortSignal;
}

/** Longer than the lock of a job, so that others take over what a frozen worker holds. */
const FREEZE_MS = { min: 3_500, max: 6_000 };
const REDIS_FREEZE_MS = 3_000;
const OUTAGE_MS = { min: 300, max: 3_000 };
const GAP_MS = { min: 150, max: 900 };

/**
 * All faults of a run; they follow from the seed. Each point has its turn before one comes again.
 *
 * Where clients find the servers by themselves no proxy stands between that could be cut. Under Sentinels no primary
 * freezes: when it wakes, a replica that still follows it may confirm what the new primary makes both forget.
 */
export function planFaults(
  random: Random,
  forMs: number,
  redis: Pick<RedisUnderTest, 'kind' | 'proxies'>,
): PlannedFault[] {
  const draw = random.fork('faults');
  const decks = {
    worker: createDeck<Point>(draw, WORKER_POINTS),
    freeze: createDeck<Point>(draw, FREEZE_POINTS),
    api: createDeck<Point>(draw, API_POINTS),
  };
  const faults = FAULTS.filter(
    (fault) =>
      (fault !== 'redis unreachable' || redis.proxies.length > 0) &&
      (fault !== 'redis frozen' || redis.kind !== 'sentinel'),
  );
  const plan: PlannedFault[] = [];
  for (let at = 0; at < forMs; ) {
    const afterMs = draw.int(GAP_MS.min, GAP_MS.max);
    const kind = draw.weighted(faults.map((fault) => [WEIGHTS[fault], fault] as const));
    const { min, max } = kind === 'worker freezes at a point' ? FREEZE_MS : OUTAGE_MS;
    plan.push({
      kind,
      afterMs,
      lastsMs: draw.int(min, max),
      point: decks[deckOf(kind)](),
      commands: draw.int(0, 12),
      whom: draw.next(),
    });
    at += afterMs;
  }
  return plan;
}

function deckOf(kind: FaultKind): 'worker' | 'freeze' | 'api' {
  if (kind.startsWith('api')) return 'api';
  return kind === 'worker freezes at a point' ? 'freeze' : 'worker';
}

/** Draws one after the other until each had its turn, then all again. */
function createDeck<T>(draw: Random, all: readonly T[]): () => T {
  let left: T[] = [];
  return () => {
    if (left.length === 0) left = draw.shuffled(all);
    return left.pop() as T;
  };
}

/**
 * Makes the planned faults happen, and puts everything right in the end.
 *
 * @returns how often each fault of the surroundings happened; deaths of processes are counted where they are found.
 */
export async function runFaults(plan: readonly PlannedFault[], deps: Deps): Promise<Map<string, number>> {
  const { fleet, redis, provider, receiver, signal } = deps;
  const happened = new Map<string, number>();
  const underWay = new Map<string, Promise<void>>();

  /** One outage of a kind at a time. */
  function outage(what: string, kind: FaultKind, happen: () => Promise<void>): void {
    if (underWay.has(what)) return;
    happened.set(kind, (happened.get(kind) ?? 0) + 1);
    const done = happen().then(() => void underWay.delete(what)); // one that could not be ended stays under way
    done.catch(() => {}); // awaited below
    underWay.set(what, done);
  }

  async function during(ms: number, begin: () => unknown, end: () => unknown): Promise<void> {
    await begin();
    try {
      await pause(ms, signal);
    } finally {
      await end();
    }
  }

  function strike({ kind, lastsMs, point, commands, whom }: PlannedFault): void {
    const one = <T>(list: readonly T[]): T | undefined => list[Math.floor(whom * list.length)];
    switch (kind) {
      case 'worker dies at a point':
      case 'worker freezes at a point':
      case 'api dies at a point': {
        const victim = one(fleet.free(kind.startsWith('api') ? 'api' : 'worker'));
        const order: Order = { point, commands, signal: kind.includes('freezes') ? 'SIGSTOP' : 'SIGKILL' };
        if (victim) fleet.order(victim, order, lastsMs);
        return;
      }
      case 'worker dies':
      case 'api dies': {
        const victim = one(fleet.free(kind === 'api dies' ? 'api' : 'worker'));
        if (victim) fleet.kill(victim);
        return;
      }
      case 'redis killed':
        outage('redis', kind, () => redis.kill());
        return;
      case 'redis frozen':
        outage('redis', kind, () => during(REDIS_FREEZE_MS, redis.freeze, redis.thaw));
        return;
      case 'redis unreachable': {
        const proxy = one(redis.proxies);
        if (proxy) outage(`proxy ${proxy.port}`, kind, () => during(lastsMs, proxy.cut, proxy.restore));
        return;
      }
      case 'provider down':
        outage('provider', kind, () => during(lastsMs, provider.goDown, provider.comeBack));
        return;
      case 'provider silent':
        outage('provider', kind, () =>
          during(
            lastsMs,
            () => provider.setMood('silent'),
            () => provider.setMood('moody'),
          ),
        );
        return;
      case 'receiver down':
        outage('receiver', kind, () => during(lastsMs, receiver.goDown, receiver.comeBack));
        return;
      case 'receiver failing':
      case 'receiver silent':
        outage('receiver', kind, () =>
          during(
            lastsMs,
            () => receiver.setMood(kind === 'receiver failing' ? 'failing' : 'silent'),
            () => receiver.setMood('moody'),
          ),
        );
        return;
      default:
        kind satisfies never;
    }
  }

  for (const fault of plan) {
    await pause(fault.afterMs, signal);
    strike(fault);
  }
  await Promise.all(underWay.values());
  fleet.calm();
  provider.setMood('well');
  receiver.setMood('well');
  return happened;
}
