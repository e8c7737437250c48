import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createHealth } from '../../src/shared/health.ts';
import type { Trouble } from '../../src/shared/trouble.ts';

const TROUBLE: Trouble = { channel: 'sms', code: 'account', detail: 'balance', since: '2100-01-01T00:00:00.000Z' };

/** A Redis whose state, and whose answer about troubles, the test sets. */
function createBench() {
  const bench = {
    status: 'ready',
    list: async (): Promise<Trouble[]> => [],
    asked: 0,
    monotonicMs: 0,
  };
  const health = createHealth({
    redis: {
      get status() {
        return bench.status;
      },
    } as never,
    troubles: {
      list: () => {
        bench.asked += 1;
        return bench.list();
      },
    } as never,
    monotonicNow: () => bench.monotonicMs,
  });
  return { bench, health };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('readiness', () => {
  it('is 200 while Redis answers, with the trouble there is', async () => {
    const { bench, health } = createBench();
    bench.list = async () => [TROUBLE];

    expect(await health.ready()).toEqual({ status: 200, body: { status: 'ready', redis: 'ok', degraded: [TROUBLE] } });
  });

  it.each([
    ['not connected', expect.stringContaining('not connected: look at REDIS_URL')],
    ['failing', 'Redis refuses: READONLY'],
    ['silent', 'Redis is connected and did not answer within 1 s'],
  ])('is 503 while Redis is %s, and says so', async (how, detail) => {
    const { bench, health } = createBench();
    if (how === 'not connected') bench.status = 'reconnecting';
    if (how === 'failing') bench.list = () => Promise.reject(new Error("READONLY You can't write to 10.0.0.7"));
    if (how === 'silent') bench.list = () => new Promise(() => {});

    const answer = health.ready();
    await vi.advanceTimersByTimeAsync(1_000);

    expect(await answer).toEqual({
      status: 503,
      body: { status: 'unavailable', redis: 'unreachable', detail, degraded: [] },
    });
  });

  it('is 503 while a queue stands still, and ready again after it', async () => {
    const { health } = createBench();
    let trouble: string | undefined = 'jobs wait in the queue sms';
    health.alsoAsk(() => trouble);

    expect(await health.ready()).toEqual({
      status: 503,
      body: { status: 'unavailable', redis: 'ok', detail: 'jobs wait in the queue sms', degraded: [] },
    });
    trouble = undefined;
    expect(await health.ready()).toMatchObject({ status: 200, body: { status: 'ready' } });
  });

  it('asks Redis once a second, however many probes there are', async () => {
    const { bench, health } = createBench();
    await Promise.all([health.ready(), health.ready()]);
    bench.monotonicMs = 1_000;
    await health.ready();
    expect(bench.asked).toBe(1);

    bench.monotonicMs = 1_001;
    bench.status = 'end';
    expect((await health.ready()).status).toBe(503);
  });

  it('is 503 from the moment of shutting down, while it lives on', async () => {
    const { health } = createBench();
    health.shutDown();

    expect(await health.ready()).toMatchObject({ status: 503, body: { status: 'shutting_down', redis: 'ok' } });
    expect(health.live()).toEqual({ status: 'alive' });
  });
});
