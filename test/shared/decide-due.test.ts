import { describe, expect, it } from 'vitest';
import { nextAlarm, nextDue } from '../../src/shared/decide.ts';
import { isClosed } from '../../src/shared/verification.ts';
import { HOUR, MINUTE, SECOND, START, type Story, startStory } from './verification-builder.ts';

const SMS_ONLY = [{ channel: 'sms' as const }];
const dueOf = (story: Story) => nextDue(story.v, story.policy);
function alarmOf({ v, now }: Story) {
  if (isClosed(v)) throw new Error('a closed verification has no alarm');
  return nextAlarm(v, now);
}

describe('what is due next', () => {
  it('is the end of the waiting time of a queued attempt', () => {
    expect(dueOf(startStory())).toBe(START + MINUTE);
  });

  it('is the last moment to send on the last step', () => {
    const story = startStory({ workflow: SMS_ONLY });

    expect(dueOf(story)).toBe(story.v.expiresAt - 30 * SECOND + 1);
  });

  it('is the moment at which a silent try counts as lost', () => {
    const story = startStory();
    story.advance(SECOND).startTry();

    expect(dueOf(story)).toBe(START + 14 * SECOND);
  });

  it('is the timeout of the step once its code is out', () => {
    const story = startStory();
    story.tryOnce('sent');

    expect(dueOf(story)).toBe(START + 45 * SECOND);
  });

  it('is the expiry when no step follows', () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('sent');

    expect(dueOf(story)).toBe(story.v.expiresAt);
  });

  it('is never later than the expiry', () => {
    const story = startStory({
      workflow: [{ channel: 'sms', timeout: 900 }, { channel: 'call' }],
      expiresInMs: MINUTE,
    });
    story.tryOnce('sent');

    expect(dueOf(story)).toBe(START + MINUTE);
  });

  it('is the moment at which a silent check counts as dead, the oldest first', () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('sent');
    story.advance(SECOND).startCheck('first');
    story.advance(SECOND).startCheck('second');

    expect(dueOf(story)).toBe(START + 16 * SECOND);
    story.endCheck('wrong', 'first');
    expect(dueOf(story)).toBe(START + 17 * SECOND);
  });

  it('is the masking of the number after the close, then nothing', () => {
    const story = startStory();
    story.advance(SECOND).cancel();

    expect(dueOf(story)).toBe(START + SECOND + 24 * HOUR);
    story.advance(24 * HOUR).tick();
    expect(dueOf(story)).toBeNull();
  });

  it('is the loss of a try that was in flight at the close', () => {
    const story = startStory();
    story.startTry();
    story.advance(SECOND).cancel();

    expect(dueOf(story)).toBe(START + 13 * SECOND);
  });
});

describe('the alarm', () => {
  it('rings when the timeout of a code that is just being sent could be over', () => {
    const story = startStory();
    expect(alarmOf(story)).toBe(START + 45 * SECOND);
    story.startTry();
    expect(alarmOf(story)).toBe(START + 45 * SECOND);
    story.advance(2 * SECOND).endTry('sent');

    expect(alarmOf(story)).toBe(START + 47 * SECOND);
  });

  it('rings for the waiting time when it rang before and nothing was sent', () => {
    const story = startStory();
    story.advance(45 * SECOND).tick();

    expect(alarmOf(story)).toBe(START + MINUTE);
  });

  it('rings for the last moment to send on the last step', () => {
    const story = startStory({ workflow: SMS_ONLY });

    expect(alarmOf(story)).toBe(story.v.expiresAt - 30 * SECOND + 1);
  });

  it('rings for the expiry when nothing else is left', () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('sent');

    expect(alarmOf(story)).toBe(story.v.expiresAt);
  });

  it('leaves dead workers and dead checks to the reconciler', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.advance(SECOND).startCheck();
    story.request('call');
    story.startTry();

    expect(alarmOf(story)).toBe(story.v.expiresAt - 30 * SECOND + 1);
    expect(dueOf(story)).toBe(START + 14 * SECOND);
  });

  it('rings at once when everything is overdue', () => {
    const story = startStory();
    story.moveTo(story.v.expiresAt);

    expect(alarmOf(story)).toBe(story.now);
  });
});
