import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { CHANNELS } from './channel.ts';
import type { Change } from './verification-store.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/** Numbers of other countries are counted together, so that what clients submit cannot make more and more series. */
const OTHER_COUNTRY = 'other';

/**
 * What one process measures. No id, number, key or URL is ever a label.
 *
 * @param process - which process reports, as a label on everything.
 * @param countries - those that codes are meant for: they are counted by themselves.
 */
export function createMetrics(process: 'api' | 'worker', countries: readonly string[]) {
  const registry = new Registry();
  registry.setDefaultLabels({ process });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  const started = new Counter({
    name: 'ringback_verifications_started_total',
    help: 'Verifications stored, by the channel of the first step and country.',
    labelNames: ['channel', 'country'],
    registers,
  });
  const finished = new Counter({
    name: 'ringback_verifications_finished_total',
    help: 'Verifications closed, by status, reason and country.',
    labelNames: ['status', 'reason', 'country'],
    registers,
  });
  const timeToApprove = new Histogram({
    name: 'ringback_time_to_approve_seconds',
    help: 'From the submission to the right code.',
    buckets: [5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600],
    registers,
  });
  const timeToSend = new Histogram({
    name: 'ringback_time_to_send_seconds',
    help: "From an attempt's start to its code's acceptance by SignalWire, by channel.",
    labelNames: ['channel'],
    buckets: [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120],
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

  const tries = new Counter({
    name: 'ringback_tries_total',
    help: 'Requests made to SignalWire for attempts, by channel and outcome.',
    labelNames: ['channel', 'outcome'],
    registers,
  });
  const endpointsDisabled = new Counter({
    name: 'ringback_callback_endpoints_disabled_total',
    help: 'Callback endpoints that were disabled, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const channelPauses = new Counter({
    name: 'ringback_channel_pauses_total',
    help: 'Times that a whole channel paused because two numbers met a 429.',
    labelNames: ['channel'],
    registers,
  });

  const repairs = new Counter({
    name: 'ringback_reconciler_repairs_total',
    help: 'What the reconciler put right, by kind.',
    labelNames: ['kind'],
    registers,
  });

  // a series that begins with its first count shows no increase: what alerts look for is there from the start
  for (const channel of CHANNELS) {
    tries.inc({ channel, outcome: 'misconfigured' }, 0);
    attempts.inc({ channel, status: 'unknown' }, 0);
    channelPauses.inc({ channel }, 0);
  }
  for (const reason of ['gone', 'failing']) endpointsDisabled.inc({ reason }, 0);
  for (const kind of ['overdue_verification', 'verification_job', 'callback_job', 'set_aside'])
    repairs.inc({ kind }, 0);

  return {
    registry,
    tries,
    tryDuration: new Histogram({
      name: 'ringback_try_duration_seconds',
      help: "SignalWire's time to answer a try, by channel and outcome.",
      labelNames: ['channel', 'outcome'],
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
    callbackDelay: new Histogram({
      name: 'ringback_callback_delay_seconds',
      help: 'From an event to the delivery of its callback.',
      buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 7_200, 36_000],
      registers,
    }),
    endpointsDisabled,
    repairs,
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
    guardActions: new Counter({
      name: 'ringback_guard_actions_total',
      help: 'Times that the pumping guard suspected fraud: alert, throttle or block, of a prefix or a country.',
      labelNames: ['level', 'scope', 'mode'],
      registers,
    }),
    circuitState: new Gauge({
      name: 'ringback_circuit_state',
      help: 'State of the circuit of a channel in this process: 0 closed, 1 half-open, 2 open.',
      labelNames: ['channel'],
      registers,
    }),
    queueJobs: new Gauge({
      name: 'ringback_queue_jobs',
      help: 'Jobs of a queue, by state. Every process tells the same: take the maximum, not the sum.',
      labelNames: ['queue', 'state'],
      registers,
    }),
    queueOldestWaiting: new Gauge({
      name: 'ringback_queue_oldest_waiting_seconds',
      help: 'How long the job next in turn has been due. Every process tells the same: take the maximum, not the sum.',
      labelNames: ['queue'],
      registers,
    }),
    queueStill: new Gauge({
      name: 'ringback_queue_still_seconds',
      help: 'How long jobs that may run have waited in this worker while nothing moved; it ends itself at 60.',
      labelNames: ['queue', 'partition'],
      registers,
    }),
    redisUp: new Gauge({
      name: 'ringback_redis_up',
      help: 'Whether Redis told about the queues when this was asked: 1, or 0.',
      registers,
    }),
    redisClockSkew: new Gauge({
      name: 'ringback_redis_clock_skew_seconds',
      help: "How far this machine's clock is ahead of Redis's.",
      registers,
    }),
    channelPauses,
    httpDuration: new Histogram({
      name: 'ringback_http_request_duration_seconds',
      help: 'Time to answer, by method, route and status.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),

    /** Counts what a stored change tells. */
    countChange({ before, after, facts }: Change): void {
      const country = after.country !== null && countries.includes(after.country) ? after.country : OTHER_COUNTRY;
      if (before === null) started.inc({ channel: after.workflow[0]?.channel ?? 'none', country });
      if (after.closedAt !== null && (before === null || before.closedAt === null)) {
        finished.inc({ status: after.status, reason: after.reason ?? 'none', country });
        if (after.status === 'approved') timeToApprove.observe((after.closedAt - after.createdAt) / 1000);
      }
      const running = new Set(['queued', 'sending']);
      for (const attempt of after.attempts) {
        const was = before?.attempts.find((a) => a.id === attempt.id);
        const ran = was === undefined || running.has(was.status);
        if (ran && !running.has(attempt.status)) attempts.inc({ channel: attempt.channel, status: attempt.status });
        if (attempt.sentAt !== null && was?.sentAt == null) {
          timeToSend.observe({ channel: attempt.channel }, (attempt.sentAt - attempt.startedAt) / 1000);
        }
      }
      for (const fact of facts) {
        if (fact.type !== 'verification.fallback' || !fact.attempt) continue;
        fallbacks.inc({ channel: fact.attempt.channel, trigger: fact.attempt.trigger });
      }
    },
  };
}
