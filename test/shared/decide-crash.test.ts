import { describe, expect, it } from 'vitest';
import { type Draft, SECOND, START, startStory } from './verification-builder.ts';

const SMS_ONLY = [{ channel: 'sms' as const }];

describe('a worker that died in a try', () => {
  it('leaves an unknown attempt behind, found by whoever looks next', () => {
    const story = startStory();
    story.startTry();

    story.advance(13 * SECOND - 1).tick();
    expect(story.attempts).toEqual(['sms initial sending']);
    story.advance(1).tick();

    expect(story.attempts).toEqual(['sms initial unknown: unknown_outcome', 'sms unknown queued']);
    expect(story.told()).toEqual(['attempt.unknown 0']);
  });

  it('is found by the next run of its job, which sends nothing itself', () => {
    const story = startStory();
    story.startTry(0, 'dead');

    expect(story.advance(13 * SECOND).startTry(0, 'next')).toEqual({ kind: 'over' });
    expect(story.attempts).toEqual(['sms initial unknown: unknown_outcome', 'sms unknown queued']);
  });

  it('twice on one step lets the next one start', () => {
    const story = startStory();
    story.startTry();
    story.advance(13 * SECOND).tick();
    story.startTry();
    story.advance(13 * SECOND).tick();

    expect(story.attempts.at(-1)).toBe('call failure queued');
    expect(story.told()).toEqual(['attempt.unknown 0', 'attempt.unknown 1', 'fallback 2 failure']);
  });

  it('is believed when it answers before anybody noticed', () => {
    const story = startStory();
    story.startTry();
    story.advance(20 * SECOND).endTry('sent');

    expect(story.attempts).toEqual(['sms initial sent']);
    expect(story.v.timerAt).toBe(story.now + 45 * SECOND);
  });
});

describe('an answer that comes after its try was given up', () => {
  /** The worker of the first attempt stalled, and was given up after 13 s. */
  function stalled(draft: Draft = {}) {
    const story = startStory(draft);
    story.startTry(0, 'stalled');
    story.advance(13 * SECOND).tick();
    story.told();
    return story;
  }
  const LATE = { n: 0, token: 'stalled' };

  it('makes the attempt sent after all, and its replacement is not needed', () => {
    const story = stalled();
    story.advance(SECOND).endTry({ kind: 'sent', mfaId: 'late', httpStatus: 200 }, LATE);

    expect(story.attempts).toEqual(['sms initial sent', 'sms unknown skipped: superseded']);
    expect(story.attempt(0)).toMatchObject({ mfaId: 'late', sentAt: START + 14 * SECOND });
    expect(story.v).toMatchObject({ status: 'pending', sends: 1 });
    expect(story.told()).toEqual(['attempt.sent 0']);
    expect(story.startTry(1)).toEqual({ kind: 'over' });
  });

  it('starts no timer of its own: the step ends when its waiting time does', () => {
    const story = stalled();
    story.advance(30 * SECOND).endTry('sent', LATE);

    story.moveTo(START + 60 * SECOND - 1).tick();
    expect(story.told()).toEqual(['attempt.sent 0']);
    story.advance(1).tick();
    expect(story.told()).toEqual(['fallback 2 timeout']);
  });

  it('is reported with what it brought about', () => {
    const story = stalled();
    story.endTry('sent', LATE);

    expect(story.facts.at(-1)?.verification).toMatchObject({
      attempts: [{ status: 'sent' }, { status: 'skipped' }],
      next_attempt: { channel: 'call', at: new Date(START + 60 * SECOND).toISOString() },
    });
  });

  it('starts no timer on the last step', () => {
    const story = stalled({ workflow: SMS_ONLY });
    story.endTry('sent', LATE);

    expect(story.v.timerAt).toBeNull();
  });

  it('leaves a replacement alone that is being sent, whose result counts as always', () => {
    const story = stalled();
    story.startTry(1, 'replacement');
    story.endTry('sent', LATE);

    expect(story.attempts).toEqual(['sms initial sent', 'sms unknown sending']);
    expect(story.v.timerAt).toBeNull();
    story.advance(SECOND).endTry('sent', { n: 1, token: 'replacement' });
    expect(story.v).toMatchObject({ sends: 2, timerAt: story.now + 45 * SECOND });
  });

  it('leaves the timer of a replacement that was sent as it is', () => {
    const story = stalled();
    story.tryOnce('sent');
    const { timerAt } = story.v;
    story.advance(5 * SECOND).endTry('sent', LATE);

    expect(story.attempts).toEqual(['sms initial sent', 'sms unknown sent']);
    expect(story.v.timerAt).toBe(timerAt);
  });

  it('leaves a next step alone that has started', () => {
    const story = stalled();
    story.tryOnce('refused');
    story.endTry('sent', LATE);

    expect(story.attempts).toEqual(['sms initial sent', 'sms unknown failed: refused', 'call failure queued']);
    expect(story.v.timerAt).toBeNull();
  });

  it('is believed after an unknown outcome as well', () => {
    const story = startStory();
    story.tryOnce('unknown');
    story.endTry('sent', { n: 0 });

    expect(story.attempts).toEqual(['sms initial sent', 'sms unknown skipped: superseded']);
  });

  it.each(['not_sent', 'refused', 'misconfigured', 'unknown', 'rate_limited', 'not_left'] as const)(
    'changes nothing and gives nothing back when it brings no code: %s',
    (outcome) => {
      const story = stalled();
      const before = story.v;
      story.endTry(outcome, LATE);

      expect(story.v).toBe(before);
    },
  );

  it('changes nothing when it comes twice', () => {
    const story = stalled();
    story.endTry('sent', LATE);
    const after = story.v;
    story.endTry('sent', LATE);

    expect(story.v).toBe(after);
  });

  it('is not believed from a run that is not the one given up', () => {
    const story = stalled();
    const before = story.v;
    story.endTry('sent', { n: 0, token: 'stranger' });

    expect(story.v).toBe(before);
  });

  it('changes nothing once the verification is closed', () => {
    const story = stalled();
    story.cancel();
    const closed = story.v;
    story.endTry('sent', LATE);

    expect(story.v).toBe(closed);
  });

  it('comes too late when the verification has expired, though nobody had looked', () => {
    const story = stalled();
    story.moveTo(story.v.expiresAt).endTry('sent', LATE);

    expect(story.v).toMatchObject({ status: 'failed', reason: 'delivery_failed' });
    expect(story.attempt(0)).toMatchObject({ status: 'unknown', mfaId: null });
    expect(story.told()).toEqual(['failed']);
  });
});
