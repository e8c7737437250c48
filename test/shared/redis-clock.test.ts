import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRedisClock, type RedisClock } from '../../src/shared/redis-clock.ts';

/** Redis's time, this machine's two clocks, and how long Redis takes to answer; all moved by the test. */
function createWorld() {
  const world = {
    redisMs: 1_700_000_000_000,
    wallMs: 1_600_000_000_000,
    monotonicMs: 5_000,
    /** Time to Redis and back again. */
    thereMs: 0,
    backMs: 0,
    away: false,
    pass(ms: number) {
      world.redisMs += ms;
      world.wallMs += ms;
      world.monotonicMs += ms;
    },
  };
  const time = async (): Promise<[number, number]> => {
    world.pass(world.thereMs);
    if (world.away) throw new Error('connection is closed');
    const answer: [number, number] = [Math.floor(world.redisMs / 1000), (world.redisMs % 1000) * 1000];
    world.pass(world.backMs);
    return answer;
  };
  const redis = { time } as unknown as Parameters<typeof createRedisClock>[0]['redis'];
  const clock = createRedisClock({ redis, monotonicNow: () => world.monotonicMs, wallNow: () => world.wallMs });
  return { world, clock };
}

let clock: RedisClock;
let world: ReturnType<typeof createWorld>['world'];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  ({ world, clock } = createWorld());
});
afterEach(() => {
  clock.stop();
  vi.useRealTimers();
});

describe("Redis's clock", () => {
  it("is the machine's own until the first measurement", () => {
    expect(clock.now()).toBe(world.wallMs);
    expect(clock.skewMs()).toBe(0);
  });

  it('is followed to the millisecond', async () => {
    world.redisMs += 123;
    await clock.sync();
    expect(clock.now()).toBe(world.redisMs);

    world.pass(4_567);
    expect(clock.now()).toBe(world.redisMs);
  });

  it("is whole milliseconds, whatever the clocks' fractions", async () => {
    world.redisMs += 0.25;
    world.monotonicMs += 0.5;
    await clock.sync();
    expect(Number.isInteger(clock.now())).toBe(true);
  });

  it('is taken to have answered halfway', async () => {
    world.thereMs = 40;
    world.backMs = 40;
    await clock.sync();
    expect(clock.now()).toBe(world.redisMs);

    world.thereMs = 0;
    await clock.sync();
    expect(clock.now() - world.redisMs).toBe(-20);
  });

  it('stays the same when the wall clock jumps', async () => {
    await clock.sync();
    world.wallMs += 3_600_000;
    expect(clock.now()).toBe(world.redisMs);

    world.wallMs -= 7_200_000;
    expect(clock.now()).toBe(world.redisMs);
  });

  it('tells how far the wall clock is ahead', async () => {
    world.wallMs = world.redisMs + 250;
    await clock.sync();
    expect(clock.skewMs()).toBe(250);

    world.wallMs -= 1_000;
    expect(clock.skewMs()).toBe(-750);
  });

  it('is measured again every ten seconds', async () => {
    await clock.sync();
    world.redisMs += 77; // the quartz clocks drifted apart

    await vi.advanceTimersByTimeAsync(9_999);
    expect(clock.now()).toBe(world.redisMs - 77);
    await vi.advanceTimersByTimeAsync(1);
    expect(clock.now()).toBe(world.redisMs);
  });

  it('runs on as last measured while Redis is away', async () => {
    await clock.sync();
    world.away = true;
    await vi.advanceTimersByTimeAsync(10_000);

    world.pass(60_000);
    expect(clock.now()).toBe(world.redisMs);
    await expect(clock.sync()).rejects.toThrow('closed');
    expect(clock.now()).toBe(world.redisMs);
  });

  it('is measured no more once stopped', async () => {
    await clock.sync();
    clock.stop();
    world.redisMs += 77;

    await vi.advanceTimersByTimeAsync(60_000);
    expect(clock.now()).toBe(world.redisMs - 77);
  });

  // The command waits in the client until Redis is back; halfway between question and answer says nothing then.
  it('is not moved by an answer that was long on its way', async () => {
    await clock.sync();
    world.thereMs = 60_000;
    world.backMs = 1;
    await clock.sync();

    expect(Math.abs(clock.now() - world.redisMs)).toBeLessThan(1_000);
  });

  it('takes a first answer however slow it is, and every better one', async () => {
    world.thereMs = 4_000;
    await clock.sync();
    expect(clock.now() - world.redisMs).toBe(2_000);

    world.thereMs = 1_000;
    await clock.sync();
    expect(clock.now() - world.redisMs).toBe(500);
  });

  it('takes a less exact answer once the last one has aged, since clocks drift', async () => {
    await clock.sync();
    world.redisMs += 100;
    world.thereMs = world.backMs = 4; // 4 ms of doubt: as much as the drift of 20 s may be

    world.pass(19_900 - 8);
    await clock.sync();
    expect(clock.now()).toBe(world.redisMs - 100);

    world.pass(100);
    await clock.sync();
    expect(clock.now()).toBe(world.redisMs);
  });
});
