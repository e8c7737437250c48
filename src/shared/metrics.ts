import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Change } from './verification-store.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * The counters of one process. No id, number, key or URL is ever a label.
 *
 * @param process - which process reports, as a label on everything.
 */
export function createMetrics(process: 'api' | 'worker') {
  const registry = new Registry();
  registry.setDefaultLabels({ process });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  const created = new Counter({
    name: 'ringback_verifications_created_total',
    help: 'Verifications stored.',
    registers,
  });
  const closed = new Counter({
    name: 'ringback_verifications_closed_total',
    help: 'Verifications closed, by status and reason.',
    labelNames: ['status', 'reason'],
    registers,
  });
  const attempts = new Counter({
    name: 'ringback_attempts_ended_total',
    help: 'Attempts that ended, by channel and status.',
    labelNames: ['channel', 'status'],
    registers,
  });
  const fallbacks = new Counter({
    name: 'ringback_fallbacks_total',
    help: 'Later steps that started, by channel and what triggered them.',
    labelNames: ['channel', 'trigger'],
    registers,
  });

  return {
    registry,
    tries: new Counter({
      name: 'ringback_tries_total',
      help: 'Requests made to SignalWire for attempts, by channel and outcome.',
      labelNames: ['channel', 'outcome'],
      registers,
    }),
    tryDuration: new Histogram({
      name: 'ringback_try_duration_seconds',
      help: "SignalWire's time to answer a try.",
      labelNames: ['channel'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    checks: new Counter({
      name: 'ringback_checks_total',
      help: 'Codes checked, by result.',
      labelNames: ['result'],
      registers,
    }),
    deliveries: new Counter({
      name: 'ringback_callback_deliveries_total',
      help: 'Deliveries of callbacks, by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    endpointsDisabled: new Counter({
      name: 'ringback_callback_endpoints_disabled_total',
      help: 'Callback endpoints that were disabled, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    repairs: new Counter({
      name: 'ringback_reconciler_repairs_total',
      help: 'What the reconciler put right, by kind.',
      labelNames: ['kind'],
      registers,
    }),
    limitsHit: new Counter({
      name: 'ringback_limits_hit_total',
      help: 'Requests that a limit or a rule was against, by its name and whether it is enforced.',
      labelNames: ['limit', 'mode'],
      registers,
    }),
    budgetsReached: new Counter({
      name: 'ringback_budgets_reached_total',
      help: 'Times that 50, 80 or 100 percent of a daily budget were spent.',
      labelNames: ['limit', 'percent'],
      registers,
    }),
    circuitState: new Gauge({
      name: 'ringback_circuit_state',
      help: 'State of the circuit of a channel in this process: 0 closed, 1 half-open, 2 open.',
      labelNames: ['channel'],
      registers,
    }),
    channelPauses: new Counter({
      name: 'ringback_channel_pauses_total',
      help: 'Times that a whole channel paused because two numbers met a 429.',
      labelNames: ['channel'],
      registers,
    }),
    httpDuration: new Histogram({
      name: 'ringback_http_request_duration_seconds',
      help: 'Time to answer, by method, route and status.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),

    /** Counts what a stored change tells. */
    countChange({ before, after, facts }: Change): void {
      if (before === null) created.inc();
      if (after.closedAt !== null && (before === null || before.closedAt === null)) {
        closed.inc({ status: after.status, reason: after.reason ?? 'none' });
      }
      const running = new Set(['queued', 'sending']);
      for (const attempt of after.attempts) {
        const was = before?.attempts.find((a) => a.id === attempt.id);
        const ran = was === undefined || running.has(was.status);
        if (ran && !running.has(attempt.status)) attempts.inc({ channel: attempt.channel, status: attempt.status });
      }
      for (const fact of facts) {
        if (fact.type !== 'verification.fallback' || !fact.attempt) continue;
        fallbacks.inc({ channel: fact.attempt.channel, trigger: fact.attempt.trigger });
      }
    },
  };
}
