import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND, START, startStory } from './verification-builder.ts';

const FOUR_STEPS = [
  { channel: 'sms' as const, timeout: 60 },
  { channel: 'sms' as const, timeout: 60 },
  { channel: 'call' as const, timeout: 60 },
  { channel: 'call' as const },
];

describe('asking for the next step', () => {
  it('starts it now, and reports the fallback', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.told();

    expect(story.advance(5 * SECOND).request()).toEqual({ kind: 'done' });

    expect(story.attempts).toEqual(['sms initial sent', 'call request queued']);
    expect(story.attempt(1)).toMatchObject({ step: 1, startedAt: START + 5 * SECOND, nextTryAt: START + 5 * SECOND });
    expect(story.v).toMatchObject({ status: 'pending', currentStep: 1, timerAt: null });
    expect(story.told()).toEqual(['fallback 1 request']);
  });

  it('makes a queued attempt give way', () => {
    const story = startStory();
    story.tryOnce('not_sent');
    story.request();

    expect(story.attempts).toEqual(['sms initial skipped: superseded', 'call request queued']);
    expect(story.told()).toEqual(['fallback 1 request']);
    expect(story.startTry(0)).toEqual({ kind: 'over' });
  });

  it('is refused when the last step has started', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.request();
    story.tryOnce('sent');
    const before = story.v;

    expect(story.advance(MINUTE).request()).toEqual({ kind: 'no_step_left' });
    expect(story.v).toBe(before);
  });

  it('is refused although the last step still waits for its turn', () => {
    const story = startStory();
    story.tryOnce('refused');

    expect(story.request()).toEqual({ kind: 'no_step_left' });
    expect(story.attempts.at(-1)).toBe('call failure queued');
  });
});

describe('asking for a channel', () => {
  it('starts its first later step, and skips those between', () => {
    const story = startStory({ workflow: FOUR_STEPS });
    story.tryOnce('sent');
    story.told();
    story.request('call');

    expect(story.attempts).toEqual(['sms initial sent', 'sms request skipped: superseded', 'call request queued']);
    expect(story.v.attempts.map((a) => a.step)).toEqual([0, 1, 2]);
    expect(story.v.currentStep).toBe(2);
    expect(story.told()).toEqual(['fallback 2 request']);
  });

  it('prefers a later step of the same channel to one more attempt', () => {
    const story = startStory({ workflow: FOUR_STEPS });
    story.tryOnce('sent');
    story.advance(30 * SECOND).request('sms');

    expect(story.attempts).toEqual(['sms initial sent', 'sms request queued']);
    expect(story.v.currentStep).toBe(1);
    expect(story.told()).toEqual(['attempt.sent 0', 'fallback 1 request']);
  });

  it('sends on it once more when no later step has it, which is no fallback', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.told();
    story.advance(30 * SECOND).request('sms');

    expect(story.attempts).toEqual(['sms initial sent', 'sms request queued']);
    expect(story.attempt(1).step).toBe(0);
    expect(story.v.currentStep).toBe(0);
    expect(story.told()).toEqual([]);
  });

  it('sends on it once more after the last step has started, as part of the step it had', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.request('call');
    story.tryOnce('sent');
    story.advance(30 * SECOND).request('sms');
    story.tryOnce('sent');

    expect(story.attempts).toEqual(['sms initial sent', 'call request sent', 'sms request sent']);
    expect(story.attempt(2).step).toBe(0);
    expect(story.v).toMatchObject({ currentStep: 1, timerAt: null });
  });

  it('sends on it once more as part of the current step when that is on the channel', () => {
    const story = startStory({ workflow: FOUR_STEPS }, { resendCooldownMs: 0 });
    story.tryOnce('sent');
    story.request('sms');
    story.tryOnce('sent');
    story.request('sms');

    expect(story.v.attempts.map((a) => a.step)).toEqual([0, 1, 1]);
  });

  it('may name a channel that the workflow does not have', () => {
    const story = startStory({ workflow: [{ channel: 'sms' }] });
    story.tryOnce('sent');

    expect(story.request('call')).toEqual({ kind: 'done' });
    expect(story.attempts).toEqual(['sms initial sent', 'call request queued']);
  });
});

describe('a requested code', () => {
  it('starts the timer of its step anew', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.advance(40 * SECOND).request('sms');
    expect(story.v.timerAt).toBeNull();
    story.advance(10 * SECOND).tick();
    expect(story.attempts).toEqual(['sms initial sent', 'sms request queued']);
    story.tryOnce('sent');

    expect(story.v.timerAt).toBe(START + 95 * SECOND);
  });

  it('starts the waiting time of its step anew', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.advance(40 * SECOND).request('sms');
    story.advance(MINUTE - 1).tick();
    expect(story.attempts.at(-1)).toBe('sms request queued');
    story.advance(1).tick();

    expect(story.attempts.slice(1)).toEqual(['sms request skipped: waited_too_long', 'call failure queued']);
  });

  it('falls back to the next step like any other when it is refused', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.advance(40 * SECOND).request('sms');
    story.tryOnce('refused');

    expect(story.attempts.slice(1)).toEqual(['sms request failed: refused', 'call failure queued']);
  });

  it('is sent once more when its outcome is unknown', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.request('call');
    story.tryOnce('unknown');

    expect(story.attempts.slice(1)).toEqual(['call request unknown: unknown_outcome', 'call unknown queued']);
  });

  it('leaves the verification pending when it fails while an earlier code is live', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.request('call');
    story.tryOnce('refused');

    expect(story.v.status).toBe('pending');
  });
});

describe('a request that is not met', () => {
  it('finds a try in flight', () => {
    const story = startStory();
    story.startTry();
    const before = story.v;

    expect(story.request()).toEqual({ kind: 'attempt_in_progress' });
    expect(story.request('sms')).toEqual({ kind: 'attempt_in_progress' });
    expect(story.request('call')).toEqual({ kind: 'attempt_in_progress' });
    expect(story.v).toBe(before);
  });

  it('comes before RESEND_COOLDOWN has passed since the last attempt on its channel started', () => {
    const story = startStory();
    story.advance(SECOND).tryOnce('sent');
    story.advance(9 * SECOND);

    expect(story.request('sms')).toEqual({ kind: 'cooldown', retryAfterMs: 20 * SECOND });
    story.advance(20 * SECOND - 1);
    expect(story.request('sms')).toEqual({ kind: 'cooldown', retryAfterMs: 1 });
    story.advance(1);
    expect(story.request('sms')).toEqual({ kind: 'done' });
  });

  it('counts the cooldown from a requested attempt too', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.advance(30 * SECOND).request('sms');
    story.tryOnce('sent');

    expect(story.advance(29 * SECOND).request('sms')).toEqual({ kind: 'cooldown', retryAfterMs: SECOND });
  });

  it('counts the cooldown for the next step when that is on the same channel', () => {
    const story = startStory({ workflow: FOUR_STEPS });
    story.tryOnce('sent');

    expect(story.request()).toEqual({ kind: 'cooldown', retryAfterMs: 30 * SECOND });
  });

  it('needs no cooldown after an attempt that was never sent', () => {
    const story = startStory();
    story.request('call');
    expect(story.attempts).toEqual(['sms initial skipped: superseded', 'call request queued']);

    expect(story.request('sms')).toEqual({ kind: 'done' });
  });

  it('meets the send limit', () => {
    const story = startStory({ maxSends: 1 });
    story.tryOnce('sent');
    const before = story.v;

    expect(story.request('call')).toEqual({ kind: 'send_limit' });
    expect(story.v).toBe(before);
  });

  it('would fill the record with attempts that cost nothing', () => {
    const story = startStory({ expiresInMs: 60 * MINUTE }, { resendCooldownMs: 0 });
    story.tryOnce('sent');
    story.request('call');
    let asked = 0;
    while (asked < 200 && story.request('call').kind === 'done') asked += 1;

    expect(story.request('call')).toEqual({ kind: 'send_limit' });
    expect(story.v.attempts.length).toBeLessThanOrEqual(50);
    expect(story.v.sends).toBe(1);
  });

  it('comes with less than 30 s to live', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.advance(45 * SECOND).tick();
    story.tryOnce('sent');
    story.moveTo(story.v.expiresAt - 30 * SECOND + 1);
    const before = story.v;

    expect(story.request('sms')).toEqual({ kind: 'too_little_time' });
    expect(story.v).toBe(before);
  });

  it('is met with 30 s to live', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.advance(45 * SECOND).tick();
    story.tryOnce('sent');

    expect(story.moveTo(story.v.expiresAt - 30 * SECOND).request('sms')).toEqual({ kind: 'done' });
  });

  it('finds the verification closed', () => {
    const story = startStory();
    story.cancel();
    const before = story.v;

    expect(story.request('call')).toEqual({ kind: 'closed' });
    expect(story.v).toBe(before);
  });
});

describe('a request that its client repeats', () => {
  it.each(['sms', 'call'] as const)('is met once: %s', (channel) => {
    const story = startStory({}, { resendCooldownMs: 0 });
    story.tryOnce('sent');
    story.request(channel, 'key');
    const after = story.v;

    expect(story.request(channel, 'key')).toEqual({ kind: 'done' });
    expect(story.v).toBe(after);
  });

  it('is answered the same while its code is being sent, and after the close', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.request('call', 'key');
    story.startTry();
    expect(story.request('call', 'key')).toEqual({ kind: 'done' });
    story.cancel();

    expect(story.request('call', 'key')).toEqual({ kind: 'done' });
  });

  it('is met again under another key', () => {
    const story = startStory({}, { resendCooldownMs: 0 });
    story.tryOnce('sent');
    story.request('sms', 'one');
    story.tryOnce('sent');
    story.request('sms', 'two');

    expect(story.attempts).toEqual(['sms initial sent', 'sms request sent', 'sms request queued']);
  });
});

describe('a cancel', () => {
  it.each(['canceled', 'replaced'] as const)('closes the verification, and says why: %s', (reason) => {
    const story = startStory();
    story.tryOnce('sent');
    story.told();

    expect(story.advance(SECOND).cancel(reason)).toEqual({ kind: 'done' });

    expect(story.v).toMatchObject({ status: 'canceled', reason, closedAt: START + SECOND, timerAt: null });
    expect(story.told()).toEqual(['canceled']);
  });

  it('lets nothing more be sent', () => {
    const story = startStory();
    story.cancel();

    expect(story.attempts).toEqual(['sms initial skipped: closed']);
    expect(story.startTry(0)).toEqual({ kind: 'over' });
  });

  it('finds the verification closed the second time, whatever its reason', () => {
    const story = startStory();
    story.cancel('replaced');
    const closed = story.v;

    expect(story.advance(SECOND).cancel()).toEqual({ kind: 'closed' });
    expect(story.v).toBe(closed);
  });
});
