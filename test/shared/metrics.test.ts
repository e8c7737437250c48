import { beforeEach, describe, expect, it } from 'vitest';
import { open, type VerificationFact } from '../../src/shared/decide.ts';
import { createMetrics, type Metrics } from '../../src/shared/metrics.ts';
import type { Attempt, Verification } from '../../src/shared/verification.ts';
import { POLICY } from '../store-model/storage.ts';

let metrics: Metrics;
beforeEach(() => {
  metrics = createMetrics('worker', ['US']);
});

const draft = {
  id: 'ver_1',
  country: 'US',
  workflow: [{ channel: 'sms' }],
  attempts: [],
  checks: { used: 0, max: 5, inFlight: [] },
  sequence: 0,
  sends: 0,
  maxSends: 4,
  createdAt: 0,
  expiresAt: 600_000,
  status: 'queued',
  reason: null,
  closedAt: null,
};
const opened = open(draft as never, 0, POLICY, null).next;

/** The verification with its one attempt in another status. */
const withAttempt = (status: Attempt['status'], rest: object = {}) =>
  ({ ...opened, attempts: opened.attempts.map((a) => ({ ...a, status })), ...rest }) as Verification;

function count(before: Verification | null, after: Verification, facts: Partial<VerificationFact>[] = []) {
  metrics.countChange({ before, after, facts: facts as VerificationFact[], callbacks: [], story: [] });
}

/** What was counted, without what is still 0. */
async function counted(name: string) {
  const found = (await metrics.registry.getMetricsAsJSON()).find((metric) => metric.name === name);
  return found?.values.filter(({ value }) => value > 0).map(({ labels, value }) => [labels, value]);
}

it('begins at 0 with what alerts look for: the first count is an increase, too', async () => {
  const text = await metrics.registry.metrics();

  expect(text).toContain('ringback_tries_total{channel="call",outcome="misconfigured",process="worker"} 0');
  expect(text).toContain('ringback_attempts_ended_total{channel="sms",status="unknown",process="worker"} 0');
  expect(text).toContain('ringback_channel_pauses_total{channel="sms",process="worker"} 0');
  expect(text).toContain('ringback_callback_endpoints_disabled_total{reason="gone",process="worker"} 0');
});

describe('the counters of a stored change', () => {
  it('count a new one once', async () => {
    count(null, opened);
    count(opened, withAttempt('sending'));

    expect(await counted('ringback_verifications_started_total')).toEqual([
      [{ channel: 'sms', country: 'US', process: 'worker' }, 1],
    ]);
    expect(await counted('ringback_attempts_ended_total')).toEqual([]);
    expect(await counted('ringback_verifications_finished_total')).toEqual([]);
  });

  it('count its close once, with the reason', async () => {
    const approved = withAttempt('sent', { status: 'approved', closedAt: 5 });
    count(withAttempt('sent'), approved);
    count(approved, { ...approved, to: '+44••••••••23' });
    count(
      null,
      withAttempt('skipped', { country: 'FR', status: 'blocked', reason: 'country_not_allowed', closedAt: 0 }),
    );

    expect(await counted('ringback_verifications_finished_total')).toEqual([
      [{ status: 'approved', reason: 'none', country: 'US', process: 'worker' }, 1],
      [{ status: 'blocked', reason: 'country_not_allowed', country: 'other', process: 'worker' }, 1],
    ]);
  });

  it('measure the time to the right code and to an accepted one, once', async () => {
    const sent = {
      ...opened,
      attempts: opened.attempts.map((a) => ({ ...a, status: 'sent', startedAt: 0, sentAt: 400 })),
    };
    const approved = { ...sent, status: 'approved', closedAt: 12_000 };
    count(opened, sent as Verification);
    count(sent as Verification, approved as Verification);
    count(approved as Verification, { ...approved, to: '+44••••••••23' } as Verification);

    const text = await metrics.registry.metrics();
    expect(text).toContain('ringback_time_to_send_seconds_bucket{le="0.25",process="worker",channel="sms"} 0');
    expect(text).toContain('ringback_time_to_send_seconds_bucket{le="0.5",process="worker",channel="sms"} 1');
    expect(text).toContain('ringback_time_to_approve_seconds_sum{process="worker"} 12');
    expect(text).toContain('ringback_time_to_approve_seconds_count{process="worker"} 1');
  });

  it('count each attempt when it ends, not when it is tried again', async () => {
    count(withAttempt('sending'), withAttempt('queued'));
    count(withAttempt('queued'), withAttempt('skipped'));
    count(withAttempt('sending'), withAttempt('sent'));
    count(withAttempt('sent'), withAttempt('sent'));

    expect(await counted('ringback_attempts_ended_total')).toEqual([
      [{ channel: 'sms', status: 'skipped', process: 'worker' }, 1],
      [{ channel: 'sms', status: 'sent', process: 'worker' }, 1],
    ]);
  });

  it('count a later step by what triggered it, and no other fact', async () => {
    const attempt = { channel: 'call', trigger: 'timeout' } as VerificationFact['attempt'];
    count(opened, opened, [
      { type: 'verification.fallback', attempt },
      { type: 'verification.attempt.sent', attempt },
    ]);

    expect(await counted('ringback_fallbacks_total')).toEqual([
      [{ channel: 'call', trigger: 'timeout', process: 'worker' }, 1],
    ]);
  });
});
