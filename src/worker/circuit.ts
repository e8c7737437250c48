import { BrokenCircuitError, CircuitState, circuitBreaker, handleWhenResult, SamplingBreaker } from 'cockatiel';
import type { Logger } from 'pino';
import type { Channel } from '../shared/channel.ts';
import type { Clock } from '../shared/clock.ts';
import type { TryOutcome } from '../shared/decide.ts';
import type { Metrics } from '../shared/metrics.ts';
import type { TroubleBoard } from '../shared/trouble.ts';

/** The tries of this time are judged together. */
const WINDOW_MS = 30_000;
const OPEN_MS = 10_000;
/** How soon a waiting attempt asks again while another one tries whether SignalWire is back. */
const PROBE_WAIT_MS = 1_000;
/** At least 80 %: cockatiel opens above its threshold, not at it. */
const THRESHOLD = 0.8 - 1e-9;

/** Keeps tries from a SignalWire that is down, one circuit for each channel of each worker process. */
export interface Circuit {
  /**
   * Asks for leave to make a try: either how long to wait first, in milliseconds, or the leave. After a while open, one
   * try at a time is let through to find out.
   */
  admit(): { waitMs: number } | Leave;
}

export interface Leave {
  /** Makes the try, and counts its outcome. */
  run(send: () => Promise<TryOutcome>): Promise<TryOutcome>;
  /** There is nothing to send after all. */
  giveBack(): void;
}

interface Deps {
  channel: Channel;
  /** `BREAKER_MIN_TRIES`: fewer tries in 30 s say nothing; 0 = never open. */
  minTries: number;
  troubles: TroubleBoard;
  clock: Clock;
  monotonicNow: () => number;
  metrics: Metrics;
  log: Logger;
}

/** An answer that says nothing about SignalWire's health: thrown, so that the breaker does not count it. */
class Uncounted extends Error {
  readonly outcome: TryOutcome;

  constructor(outcome: TryOutcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

export function createCircuit({ channel, minTries, troubles, clock, monotonicNow, metrics, log }: Deps): Circuit {
  if (minTries === 0) return { admit: () => ({ run: (send) => send(), giveBack: () => {} }) };

  const isDown = (outcome: unknown) => ['unknown', 'not_sent'].includes((outcome as TryOutcome).kind);
  const breaker = circuitBreaker(handleWhenResult(isDown), {
    halfOpenAfter: OPEN_MS,
    // half a try less, so that rounding does not ask for one more
    breaker: new SamplingBreaker({
      threshold: THRESHOLD,
      duration: WINDOW_MS,
      minimumRps: (minTries - 0.5) / (WINDOW_MS / 1000),
    }),
  });
  let openedAt = 0;
  let probing = false;
  let published = Promise.resolve();
  const report = (state: CircuitState) => {
    metrics.circuitState.set({ channel }, state === CircuitState.Open ? 2 : state === CircuitState.HalfOpen ? 1 : 0);
    // one after the other: a report that is still on its way must not overtake the word that it is over
    published = published
      .then(() =>
        state === CircuitState.Closed
          ? troubles.clear(channel, ['circuit_open'])
          : troubles.report(
              { channel, code: 'circuit_open', detail: 'SignalWire does not answer; attempts wait' },
              clock.now(),
            ),
      )
      .catch((error: Error) => log.warn({ reason: error.message }, 'the state of the circuit could not be published'));
  };
  metrics.circuitState.set({ channel }, 0);
  breaker.onBreak(() => {
    openedAt = monotonicNow();
    log.error({ channel }, 'signalwire is down: the circuit opens and attempts wait');
  });
  breaker.onReset(() => log.info({ channel }, 'signalwire is back: the circuit closes'));
  breaker.onStateChange(report);

  async function run(send: () => Promise<TryOutcome>): Promise<TryOutcome> {
    try {
      return await breaker.execute(async () => {
        const outcome = await send();
        if (!isDown(outcome) && outcome.kind !== 'sent') throw new Uncounted(outcome);
        return outcome;
      });
    } catch (error) {
      if (error instanceof Uncounted) return error.outcome;
      if (error instanceof BrokenCircuitError) return { kind: 'not_left' }; // it opened since it was asked
      throw error;
    }
  }

  return {
    admit() {
      if (breaker.state === CircuitState.Closed) return { run, giveBack: () => {} };
      const restMs = openedAt + OPEN_MS - monotonicNow();
      if (restMs > 0) return { waitMs: restMs + PROBE_WAIT_MS };
      if (probing) return { waitMs: PROBE_WAIT_MS };
      probing = true;
      const giveBack = () => {
        probing = false;
      };
      return { run: (send) => run(send).finally(giveBack), giveBack };
    },
  };
}
