import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { TryOutcome } from '../../src/shared/decide.ts';
import { createMetrics } from '../../src/shared/metrics.ts';
import type { TroubleBoard } from '../../src/shared/trouble.ts';
import { type Circuit, createCircuit } from '../../src/worker/circuit.ts';
import { freshNumber, SECOND, startService } from '../fixtures.ts';

const SENT: TryOutcome = { kind: 'sent', mfaId: 'id', httpStatus: 200 };
const DOWN: TryOutcome = { kind: 'not_sent', detail: 'down', httpStatus: 503, retryAfterMs: undefined };
const LOST: TryOutcome = { kind: 'unknown', detail: 'lost', httpStatus: null };
const REFUSED: TryOutcome = { kind: 'refused', detail: 'no', httpStatus: 422, providerCode: undefined, account: false };
const LIMITED: TryOutcome = { kind: 'rate_limited', detail: 'slow', httpStatus: 429, retryAfterMs: 1 };
const MISCONFIGURED: TryOutcome = { kind: 'misconfigured', detail: 'key', httpStatus: 401 };

function circuitUnderTest(minTries = 5, board: Partial<TroubleBoard> = {}) {
  let monotonic = Date.now();
  const published: string[] = [];
  const circuit = createCircuit({
    channel: 'sms',
    minTries,
    troubles: {
      report: async ({ code }) => void published.push(`report ${code}`),
      clear: async (_channel, codes) => void published.push(`clear ${codes.join()}`),
      list: async () => [],
      ...board,
    },
    clock: { now: () => monotonic },
    monotonicNow: () => monotonic,
    metrics: createMetrics('worker', ['US']),
    log: pino({ level: 'silent' }),
  });
  return {
    circuit,
    published,
    pass: (ms: number) => {
      monotonic += ms;
    },
  };
}

/** Makes a try, or tells how long it has to wait. */
async function attempt(circuit: Circuit, outcome: TryOutcome): Promise<TryOutcome | number> {
  const leave = circuit.admit();
  return 'waitMs' in leave ? leave.waitMs : leave.run(async () => outcome);
}

describe('the circuit', () => {
  it('stays closed below its least number of tries', async () => {
    const { circuit } = circuitUnderTest();
    for (let i = 0; i < 4; i++) expect(await attempt(circuit, DOWN)).toBe(DOWN);

    expect('run' in circuit.admit()).toBe(true);
  });

  it.for([
    ['not sent', DOWN],
    ['unknown', LOST],
  ] as const)('opens when 80 %% are %s, says so, and makes attempts wait', async ([, outcome]) => {
    const { circuit, published } = circuitUnderTest();
    await attempt(circuit, SENT);
    for (let i = 0; i < 4; i++) await attempt(circuit, outcome);

    expect(await attempt(circuit, SENT)).toBeGreaterThan(9 * SECOND);
    await expect.poll(() => published).toEqual(['report circuit_open']);
  });

  it('stays closed below 80 %', async () => {
    const { circuit } = circuitUnderTest();
    for (let i = 0; i < 2; i++) await attempt(circuit, SENT);
    for (let i = 0; i < 7; i++) await attempt(circuit, DOWN);

    expect(await attempt(circuit, SENT)).toBe(SENT);
  });

  it('never counts a refusal, a 429 or a misconfiguration, neither way', async () => {
    const { circuit } = circuitUnderTest();
    for (const outcome of [REFUSED, LIMITED, MISCONFIGURED]) {
      for (let i = 0; i < 20; i++) expect(await attempt(circuit, outcome)).toBe(outcome);
    }
    for (let i = 0; i < 5; i++) await attempt(circuit, DOWN);

    expect(await attempt(circuit, SENT)).toBeTypeOf('number');
  });

  it.for([
    ['closes when SignalWire answers', SENT, true],
    ['opens again when it does not', DOWN, false],
  ] as const)('lets one try through after a while, and %s', async ([, outcome, closes]) => {
    vi.useFakeTimers({ toFake: ['Date'] }); // the breaker's own clock
    onTestFinished(() => void vi.useRealTimers());
    const { circuit, published, pass } = circuitUnderTest();
    for (let i = 0; i < 5; i++) await attempt(circuit, DOWN);
    vi.setSystemTime(Date.now() + 10 * SECOND);
    pass(10 * SECOND);

    const probe = circuit.admit();
    expect('run' in probe).toBe(true);
    expect(await attempt(circuit, SENT)).toBe(SECOND);
    if ('run' in probe) await probe.run(async () => outcome);

    expect('run' in circuit.admit()).toBe(closes);
    vi.useRealTimers();
    await expect.poll(() => published.at(-1)).toBe(closes ? 'clear circuit_open' : 'report circuit_open');
  });

  it('is published in the order in which it changes, however slow a report is', async () => {
    const arrived: string[] = [];
    let arrive = () => {};
    const slow = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { circuit, pass } = circuitUnderTest(5, {
      report: () => slow.then(() => void arrived.push('report')),
      clear: async () => void arrived.push('clear'),
    });
    for (let i = 0; i < 5; i++) await attempt(circuit, DOWN);
    vi.setSystemTime(Date.now() + 10 * SECOND);
    pass(10 * SECOND);
    expect(await attempt(circuit, SENT)).toBe(SENT);
    vi.useRealTimers();
    arrive();

    await expect.poll(() => arrived).toEqual(['report', 'report', 'clear']);
  });

  it('never opens with 0', async () => {
    const { circuit } = circuitUnderTest(0);
    for (let i = 0; i < 100; i++) await attempt(circuit, DOWN);

    expect(await attempt(circuit, SENT)).toBe(SENT);
  });
});

describe('SignalWire going down and coming back', () => {
  it('opens the circuit: attempts wait uncounted, the call takes over, one probe closes it again', async () => {
    const service = await startService({ env: { BREAKER_MIN_TRIES: '5', SEND_TRIES: '50', SMS_CONCURRENCY: '1' } });
    onTestFinished(() => service.close());
    let down = true;
    service.sandbox.behave({ channel: 'sms' }, () => (down ? { status: 503 } : 'accept'));
    const { id } = await service.submit({ to: freshNumber() });
    await expect
      .poll(async () => (await service.call('GET', '/readyz')).body['degraded'])
      .toMatchObject([{ channel: 'sms', code: 'circuit_open' }]);
    const { tries } = (await service.read(id)).attempts[0] ?? { tries: 0 };
    expect(tries).toBe(5);

    // others wait, and the alarm lets the call take over
    await service.advance(60 * SECOND);
    const { body } = await service.receiver.event('verification.attempt.sent', id);
    expect(body.data.attempt).toMatchObject({ channel: 'call' });
    expect((await service.read(id)).attempts[0]).toMatchObject({ tries, error: { code: 'waited_too_long' } });

    down = false;
    const later = await service.submit({ to: freshNumber() });
    const sent = await service.receiver.event('verification.attempt.sent', later.id);
    expect(sent.body.data.attempt).toMatchObject({ channel: 'sms', tries: 1 });
    await expect.poll(async () => (await service.call('GET', '/readyz')).body['degraded']).toEqual([]);
  });
});
