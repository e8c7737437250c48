import { describe, expect, it } from 'vitest';
import { OUTCOMES, SECOND, START, startStory } from './verification-builder.ts';

const SMS_ONLY = [{ channel: 'sms' as const }];

describe('a new verification', () => {
  it('is queued, with its first attempt queued and nothing to report', () => {
    const story = startStory();

    expect(story.v).toMatchObject({ status: 'queued', reason: null, closedAt: null, sends: 0, timerAt: null });
    expect(story.attempts).toEqual(['sms initial queued']);
    expect(story.told()).toEqual([]);
  });

  it('begins with the first step, whatever its channel', () => {
    expect(startStory({ workflow: [{ channel: 'call' }] }).attempts).toEqual(['call initial queued']);
  });

  it('is closed at once when a policy refused it, with nothing to send', () => {
    const story = startStory({}, {}, 'country_not_allowed');

    expect(story.v).toMatchObject({ status: 'blocked', reason: 'country_not_allowed', closedAt: START });
    expect(story.attempts).toEqual([]);
    expect(story.told()).toEqual(['blocked']);
  });
});

describe('a code that SignalWire accepted', () => {
  it('makes the verification pending and starts the timeout of its step', () => {
    const story = startStory();
    story.advance(3 * SECOND).startTry();
    story.advance(2 * SECOND);

    expect(story.endTry({ kind: 'sent', mfaId: 'mfa-7', httpStatus: 200 })).toEqual({ kind: 'over' });

    expect(story.v).toMatchObject({ status: 'pending', timerAt: START + 50 * SECOND, sends: 1 });
    expect(story.attempt(0)).toMatchObject({
      status: 'sent',
      mfaId: 'mfa-7',
      sentAt: START + 5 * SECOND,
      tries: 1,
      error: null,
    });
    expect(story.told()).toEqual(['attempt.sent 0']);
  });

  it('starts no timeout on the last step', () => {
    const story = startStory({ workflow: [{ channel: 'sms', timeout: 45 }] });
    story.tryOnce('sent');

    expect(story.v.timerAt).toBeNull();
  });

  it('waits 45 s for the code when the step names no timeout', () => {
    const story = startStory({ workflow: [{ channel: 'sms' }, { channel: 'call' }] });
    story.tryOnce('sent');

    expect(story.v.timerAt).toBe(START + 45 * SECOND);
  });

  it('is reported with the verification as it then was, its number masked', () => {
    const story = startStory();
    story.tryOnce('sent');

    expect(story.facts[0]).toMatchObject({
      type: 'verification.attempt.sent',
      at: START,
      sequence: 1,
      attempt: { step: 0, status: 'sent', sent_at: new Date(START).toISOString() },
      verification: { status: 'pending', to: '+44••••••••23', reference: 'login-8812' },
    });
    expect(JSON.stringify(story.facts)).not.toContain('7700900123');
  });

  it('is reported together with the step that would come next', () => {
    const story = startStory();
    story.tryOnce('sent');

    expect(story.facts[0]?.verification.next_attempt).toEqual({
      channel: 'call',
      at: new Date(START + 45 * SECOND).toISOString(),
    });
  });
});

describe('a try that was certainly not sent', () => {
  it('is repeated after a wait that doubles, by full jitter', () => {
    const story = startStory({}, { sendTries: 5 });
    const waits: number[] = [];
    for (const random of [0.5, 0.5, 0.25]) {
      story.startTry();
      const answer = story.endTry('not_sent', { random });
      if (answer.kind !== 'wait') throw new Error(`it does not wait: ${answer.kind}`);
      waits.push(answer.until - story.now);
      story.moveTo(answer.until);
    }

    expect(waits).toEqual([250, 500, 500]);
    expect(story.attempts).toEqual(['sms initial queued: unreachable']);
    expect(story.told()).toEqual([]);
  });

  it('never waits longer than the limit of the backoff', () => {
    const story = startStory({}, { sendTries: 20, backoffMaxMs: 800 });
    for (let n = 0; n < 4; n++) story.tryOnce('not_sent');

    expect(story.attempt(0).nextTryAt - story.now).toBe(400);
  });

  it('honours Retry-After instead', () => {
    const story = startStory();
    const answer = story.tryOnce({ ...OUTCOMES.not_sent, httpStatus: 503, retryAfterMs: 7 * SECOND });

    expect(answer).toEqual({ kind: 'wait', until: START + 7 * SECOND });
    expect(story.startTry()).toEqual({ kind: 'wait', until: START + 7 * SECOND });
    story.advance(7 * SECOND - 1);
    expect(story.startTry().kind).toBe('wait');
    story.advance(1);
    expect(story.startTry().kind).toBe('send');
  });

  it('is the last one after SEND_TRIES: the attempt failed and the next step starts', () => {
    const story = startStory({}, { sendTries: 3 });
    story.tryOnce('not_sent');
    story.tryOnce('not_sent');
    expect(story.attempts).toEqual(['sms initial queued: unreachable']);

    expect(story.tryOnce('not_sent')).toEqual({ kind: 'over' });

    expect(story.attempts).toEqual(['sms initial failed: unreachable', 'call failure queued']);
    expect(story.attempt(0).tries).toBe(3);
    expect(story.attempt(0).error).toEqual({ code: 'unreachable', detail: 'connection refused', httpStatus: null });
    expect(story.told()).toEqual(['attempt.failed 0', 'fallback 1 failure']);
  });

  it('gives the next step all its tries again', () => {
    const story = startStory({}, { sendTries: 2 });
    story.tryOnce('not_sent');
    story.tryOnce('not_sent');
    story.tryOnce('not_sent');

    expect(story.attempts).toEqual(['sms initial failed: unreachable', 'call failure queued: unreachable']);
  });

  it('leaves no trace of its error once a later try is accepted', () => {
    const story = startStory();
    story.tryOnce('not_sent');
    story.tryOnce('sent');

    expect(story.attempts).toEqual(['sms initial sent']);
    expect(story.attempt(0).tries).toBe(2);
  });
});

describe('a try that met a 429', () => {
  it('waits as long as it was told, and counts for nothing', () => {
    const story = startStory({}, { sendTries: 2 });
    for (let n = 1; n <= 10; n++) {
      expect(story.tryOnce('rate_limited')).toEqual({ kind: 'wait', until: START + n * 2 * SECOND });
    }

    expect(story.attempts).toEqual(['sms initial queued']);
    expect(story.attempt(0).tries).toBe(10);
    expect(story.v.sends).toBe(0);
    story.tryOnce('not_sent');
    expect(story.attempt(0).status).toBe('queued');
    story.tryOnce('not_sent');
    expect(story.attempt(0).status).toBe('failed');
  });

  it('backs off when it was not told how long', () => {
    const story = startStory();

    expect(story.tryOnce({ ...OUTCOMES.rate_limited, retryAfterMs: undefined })).toEqual({
      kind: 'wait',
      until: START + 250,
    });
  });
});

describe('a try whose outcome is unknown', () => {
  it('ends its attempt, and the step gets one more', () => {
    const story = startStory();

    expect(story.tryOnce('unknown')).toEqual({ kind: 'over' });

    expect(story.attempts).toEqual(['sms initial unknown: unknown_outcome', 'sms unknown queued']);
    expect(story.attempt(1).step).toBe(0);
    expect(story.attempt(0).error?.detail).toBe('the answer was lost');
    expect(story.told()).toEqual(['attempt.unknown 0']);
    expect(story.v.status).toBe('queued');
  });

  it('moves on to the next step the second time', () => {
    const story = startStory();
    story.tryOnce('unknown');
    story.tryOnce('unknown');

    expect(story.attempts).toEqual([
      'sms initial unknown: unknown_outcome',
      'sms unknown unknown: unknown_outcome',
      'call failure queued',
    ]);
    expect(story.told()).toEqual(['attempt.unknown 0', 'attempt.unknown 1', 'fallback 2 failure']);
  });

  it('moves on when the second attempt of the step fails in another way', () => {
    const story = startStory();
    story.tryOnce('unknown');
    story.tryOnce('refused');

    expect(story.attempts.slice(1)).toEqual(['sms unknown failed: refused', 'call failure queued']);
  });

  it('gives every step its own second attempt', () => {
    const story = startStory({ maxSends: 5 });
    for (let n = 0; n < 3; n++) story.tryOnce('unknown');

    expect(story.attempts.slice(2)).toEqual(['call failure unknown: unknown_outcome', 'call unknown queued']);
  });

  it('fails the verification when it was the second on the last step and no code is live', () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('unknown');
    story.tryOnce('unknown');

    expect(story.v).toMatchObject({ status: 'failed', reason: 'delivery_failed' });
    expect(story.told()).toEqual(['attempt.unknown 0', 'attempt.unknown 1', 'failed']);
  });
});

describe('a code that SignalWire refused', () => {
  it('starts the next step at once', () => {
    const story = startStory();

    expect(story.tryOnce('refused')).toEqual({ kind: 'over' });

    expect(story.attempts).toEqual(['sms initial failed: refused', 'call failure queued']);
    expect(story.attempt(1)).toMatchObject({ step: 1, startedAt: START, nextTryAt: START });
    expect(story.attempt(0).error).toEqual({ code: 'refused', detail: 'answered 422', httpStatus: 422 });
    expect(story.v).toMatchObject({ status: 'queued', currentStep: 1 });
    expect(story.told()).toEqual(['attempt.failed 0', 'fallback 1 failure']);
  });

  it('fails the verification when no step is left and no code is live', () => {
    const story = startStory();
    story.tryOnce('refused');
    story.tryOnce('refused');

    expect(story.v).toMatchObject({ status: 'failed', reason: 'delivery_failed', closedAt: START });
    expect(story.told()).toEqual(['attempt.failed 0', 'fallback 1 failure', 'attempt.failed 1', 'failed']);
  });

  it('leaves the verification open while an earlier code is live', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.advance(45 * SECOND).tick();
    story.tryOnce('refused');

    expect(story.v).toMatchObject({ status: 'pending', reason: null });
    expect(story.told()).toEqual(['attempt.sent 0', 'fallback 1 timeout', 'attempt.failed 1']);
  });

  it('fails the verification when the earlier code is used up', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.check('no_live_code', [0]);
    story.advance(45 * SECOND).tick();
    story.tryOnce('refused');

    expect(story.v).toMatchObject({ status: 'failed', reason: 'delivery_failed' });
  });
});

describe("a try that met the operator's fault", () => {
  it('is repeated every 30 s, uncounted', () => {
    const story = startStory({ workflow: SMS_ONLY }, { sendTries: 2 });
    for (let n = 1; n <= 10; n++) {
      expect(story.tryOnce('misconfigured')).toEqual({ kind: 'wait', until: START + n * 30 * SECOND });
    }

    expect(story.attempts).toEqual(['sms initial queued: misconfigured']);
    expect(story.attempt(0)).toMatchObject({ tries: 10, error: { detail: 'answered 401', httpStatus: 401 } });
    expect(story.told()).toEqual([]);
  });

  it('goes on as if nothing had been, once the operator has mended it', () => {
    const story = startStory();
    story.tryOnce('misconfigured');
    story.tryOnce('sent');

    expect(story.attempts).toEqual(['sms initial sent']);
    expect(story.v.timerAt).toBe(START + 75 * SECOND);
  });
});

describe('a try that did not leave in time', () => {
  it('is no try at all, and may be begun again at once', () => {
    const story = startStory({}, { sendTries: 1 });

    expect(story.tryOnce('not_left')).toEqual({ kind: 'wait', until: START });

    expect(story.attempt(0)).toMatchObject({ status: 'queued', tries: 0 });
    expect(story.v.sends).toBe(0);
    expect(story.startTry().kind).toBe('send');
  });
});
