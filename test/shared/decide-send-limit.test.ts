import { describe, expect, it } from 'vitest';
import { SECOND, START, startStory } from './verification-builder.ts';

describe('claiming a try', () => {
  it('is granted with what is left of the verification', () => {
    const story = startStory();
    const answer = story.advance(4 * SECOND).startTry();

    expect(answer).toMatchObject({ kind: 'send', attempt: { status: 'sending' }, validForMs: 596 * SECOND });
    expect(story.attempt(0)).toMatchObject({ status: 'sending', tries: 1 });
    expect(story.told()).toEqual([]);
  });

  it('is granted again to the run that asks twice, and only counted once', () => {
    const story = startStory();
    const first = story.startTry(0, 'run');
    const after = story.v;

    expect(story.startTry(0, 'run')).toEqual(first);
    expect(story.v).toBe(after);
  });

  it('is not granted again once less than 30 s are left, and what was reserved stays so', () => {
    const story = startStory();
    story.moveTo(story.v.expiresAt - 30 * SECOND);
    story.tick();
    expect(story.startTry(-1, 'run').kind).toBe('send');
    story.advance(1);

    expect(story.startTry(-1, 'run')).toEqual({ kind: 'over' });
    expect(story.v.sends).toBe(1);
  });

  it('is refused to a second run until the first one counts as lost', () => {
    const story = startStory();
    story.startTry(0, 'first');

    expect(story.advance(SECOND).startTry(0, 'second')).toEqual({ kind: 'wait', until: START + 13 * SECOND });
    expect(story.attempt(0)).toMatchObject({ tries: 1, flight: { token: 'first' } });
  });

  it.each(['sent', 'refused', 'unknown'] as const)('is refused for an attempt that ended: %s', (outcome) => {
    const story = startStory();
    story.tryOnce(outcome);

    expect(story.startTry(0)).toEqual({ kind: 'over' });
  });

  it('is refused for an attempt that does not exist', () => {
    const story = startStory();

    expect(story.happen({ type: 'try_started', attemptId: 'att_other', token: 'run' })).toEqual({ kind: 'over' });
  });
});

describe('a result that is told twice', () => {
  it.each(['sent', 'not_sent', 'rate_limited', 'unknown', 'refused', 'misconfigured', 'not_left'] as const)(
    'changes nothing the second time: %s',
    (outcome) => {
      const story = startStory();
      story.tryOnce('sent');
      story.request('call');
      story.startTry(1, 'run');
      story.endTry(outcome, { n: 1, token: 'run' });
      const after = story.v;

      story.endTry(outcome, { n: 1, token: 'run' });

      expect(story.v).toBe(after);
    },
  );

  it('changes nothing when it comes from a run that never claimed the try', () => {
    const story = startStory();
    story.startTry(0, 'run');
    const before = story.v;

    expect(story.endTry('sent', { n: 0, token: 'stranger' })).toEqual({ kind: 'over' });
    expect(story.v).toBe(before);
  });
});

describe('the send limit', () => {
  it('is reserved when the intent is stored, before the result is known', () => {
    const story = startStory();
    story.startTry();

    expect(story.v.sends).toBe(1);
  });

  it.each(['not_sent', 'rate_limited', 'refused', 'misconfigured', 'not_left'] as const)('is given back: %s', (out) => {
    const story = startStory();
    story.tryOnce(out);

    expect(story.v.sends).toBe(0);
  });

  it.each(['sent', 'unknown'] as const)('is kept: %s', (outcome) => {
    const story = startStory();
    story.tryOnce(outcome);

    expect(story.v.sends).toBe(1);
  });

  it('is kept by a try that has no result at all', () => {
    const story = startStory();
    story.startTry();
    story.advance(13 * SECOND).tick();

    expect(story.attempt(0).status).toBe('unknown');
    expect(story.v.sends).toBe(1);
  });

  it('skips the second attempt of a step and the steps that follow, and fails when nothing is out', () => {
    const story = startStory({ maxSends: 1 });
    story.tryOnce('unknown');

    expect(story.attempts).toEqual([
      'sms initial unknown: unknown_outcome',
      'sms unknown skipped: send_limit',
      'call failure skipped: send_limit',
    ]);
    expect(story.v).toMatchObject({ status: 'failed', reason: 'delivery_failed' });
    expect(story.told()).toEqual(['attempt.unknown 0', 'failed']);
  });

  it('skips a step in the middle of the workflow, and stays pending while a code is live', () => {
    const story = startStory({ maxSends: 1 });
    story.tryOnce('sent');
    story.advance(45 * SECOND).tick();

    expect(story.attempts).toEqual(['sms initial sent', 'call timeout skipped: send_limit']);
    expect(story.v).toMatchObject({ status: 'pending', timerAt: null });
    expect(story.told()).toEqual(['attempt.sent 0']);
  });

  it('holds at the last moment too: an attempt that is queued at the limit is not sent', () => {
    const story = startStory();
    story.force((v) => {
      v.sends = v.maxSends;
    });

    expect(story.startTry(0)).toEqual({ kind: 'over' });
    expect(story.attempts).toEqual(['sms initial skipped: send_limit', 'call failure skipped: send_limit']);
    expect(story.v.sends).toBe(4);
  });

  it('counts requested codes and fallbacks alike', () => {
    const story = startStory({ maxSends: 2 }, { resendCooldownMs: 0 });
    story.tryOnce('sent');
    story.request('sms');
    story.tryOnce('sent');
    story.advance(45 * SECOND).tick();

    expect(story.attempts).toEqual(['sms initial sent', 'sms request sent', 'call timeout skipped: send_limit']);
    expect(story.v.sends).toBe(2);
  });
});
