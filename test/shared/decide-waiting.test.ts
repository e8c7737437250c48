import { describe, expect, it } from 'vitest';
import { verificationView } from '../../src/shared/verification-view.ts';
import { MINUTE, SECOND, START, type Story, startStory } from './verification-builder.ts';

const SMS_ONLY = [{ channel: 'sms' as const }];
const THREE_STEPS = [
  { channel: 'sms' as const, timeout: 45 },
  { channel: 'call' as const, timeout: 90 },
  { channel: 'sms' as const },
];

describe('a code that is not entered in time', () => {
  it('starts the next step when its timeout is over, and not a moment before', () => {
    const story = startStory();
    story.advance(2 * SECOND).tryOnce('sent');
    story.told();

    story.advance(45 * SECOND - 1).tick();
    expect(story.attempts).toEqual(['sms initial sent']);
    story.advance(1).tick();

    expect(story.attempts).toEqual(['sms initial sent', 'call timeout queued']);
    expect(story.attempt(1)).toMatchObject({ step: 1, startedAt: START + 47 * SECOND });
    expect(story.v).toMatchObject({ status: 'pending', currentStep: 1, timerAt: null });
    expect(story.told()).toEqual(['fallback 1 timeout']);
  });

  it('gives the next step its own timeout', () => {
    const story = startStory({ workflow: THREE_STEPS });
    story.tryOnce('sent');
    story.advance(45 * SECOND).tick();
    story.tryOnce('sent');

    expect(story.v.timerAt).toBe(story.now + 90 * SECOND);
    story.advance(90 * SECOND).tick();
    expect(story.attempts.at(-1)).toBe('sms timeout queued');
  });

  it('starts nothing after the last step', () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('sent');
    story.told();
    story.advance(9 * MINUTE).tick();

    expect(story.attempts).toEqual(['sms initial sent']);
    expect(story.v.status).toBe('pending');
    expect(story.told()).toEqual([]);
  });

  it('starts one step only, however late anybody looks', () => {
    const story = startStory({ workflow: THREE_STEPS });
    story.tryOnce('sent');
    story.advance(5 * MINUTE).tick();

    expect(story.attempts).toEqual(['sms initial sent', 'call timeout queued']);
  });

  it('skips a step whose turn comes with less than 30 s left', () => {
    const story = startStory({ workflow: [{ channel: 'sms', timeout: 31 }, { channel: 'call' }], expiresInMs: MINUTE });
    story.tryOnce('sent');
    story.told();
    story.advance(31 * SECOND).tick();

    expect(story.attempts).toEqual(['sms initial sent', 'call timeout skipped: time_left']);
    expect(story.v.status).toBe('pending');
    expect(story.told()).toEqual([]);
  });

  it('still starts a step with 30 s left', () => {
    const story = startStory({ workflow: [{ channel: 'sms', timeout: 30 }, { channel: 'call' }], expiresInMs: MINUTE });
    story.tryOnce('sent');
    story.advance(30 * SECOND).tick();

    expect(story.attempts.at(-1)).toBe('call timeout queued');
    expect(story.startTry().kind).toBe('send');
  });
});

describe('an attempt that waits for its turn', () => {
  it.each([
    { timeout: 5, waits: 60 },
    { timeout: 60, waits: 60 },
    { timeout: 90, waits: 90 },
  ])('gives way to the next step after max($timeout s, 60 s)', ({ timeout, waits }) => {
    const story = startStory({ workflow: [{ channel: 'sms', timeout }, { channel: 'call' }] });

    story.advance(waits * SECOND - 1).tick();
    expect(story.attempts).toEqual(['sms initial queued']);
    story.advance(1).tick();

    expect(story.attempts).toEqual(['sms initial skipped: waited_too_long', 'call failure queued']);
    expect(story.told()).toEqual(['fallback 1 failure']);
  });

  it('gives way although its own job runs just then', () => {
    const story = startStory();

    expect(story.advance(MINUTE).startTry(0)).toEqual({ kind: 'over' });
    expect(story.attempts.at(-1)).toBe('call failure queued');
  });

  it('says what the last answer was when it had been tried', () => {
    const story = startStory();
    story.tryOnce('misconfigured');
    story.moveTo(START + MINUTE).tick();

    expect(story.attempt(0).error).toMatchObject({ code: 'waited_too_long', httpStatus: 401 });
    expect(story.attempt(0).error?.detail).toContain('answered 401');
  });

  it('waits on while its try is in flight', () => {
    const story = startStory();
    story.moveTo(START + 55 * SECOND).startTry();
    story.moveTo(START + 61 * SECOND).tick();
    expect(story.attempts).toEqual(['sms initial sending']);

    story.endTry('sent');
    expect(story.attempts).toEqual(['sms initial sent']);
  });

  it('gives way as soon as that try turns out not to be sent', () => {
    const story = startStory();
    story.moveTo(START + 55 * SECOND).startTry();

    expect(story.moveTo(START + 61 * SECOND).endTry('not_sent')).toEqual({ kind: 'over' });
    expect(story.attempts).toEqual(['sms initial skipped: waited_too_long', 'call failure queued']);
    expect(story.v.sends).toBe(0);
  });

  it('shares the time of its step with the attempt before it that ended unknown', () => {
    const story = startStory();
    story.advance(50 * SECOND).tryOnce('unknown');
    story.advance(10 * SECOND).tick();

    expect(story.attempts.slice(1)).toEqual(['sms unknown skipped: waited_too_long', 'call failure queued']);
  });

  it('has its own time in every step', () => {
    const story = startStory({ workflow: THREE_STEPS });
    story.advance(50 * SECOND).tryOnce('refused');
    story.advance(90 * SECOND - 1).tick();
    expect(story.attempts.at(-1)).toBe('call failure queued');
    story.advance(1).tick();

    expect(story.attempts.slice(1)).toEqual(['call failure skipped: waited_too_long', 'sms failure queued']);
  });

  it('waits on in the last step', () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.advance(9 * MINUTE + 30 * SECOND).tick();

    expect(story.attempts).toEqual(['sms initial queued']);
    expect(story.startTry().kind).toBe('send');
  });

  it.each(['tick', 'startTry'] as const)(
    'is skipped with less than 30 s to live, however late it is noticed: %s',
    (look) => {
      const story = startStory({ workflow: SMS_ONLY });
      story.moveTo(story.v.expiresAt - 30 * SECOND + 1)[look]();

      expect(story.attempts).toEqual(['sms initial skipped: time_left']);
      expect(story.v).toMatchObject({ status: 'failed', reason: 'delivery_failed' });
      expect(story.told()).toEqual(['failed']);
    },
  );

  it('takes the steps that follow with it when less than 30 s are left', () => {
    const story = startStory({ workflow: [{ channel: 'sms', timeout: 900 }, { channel: 'call' }] });
    story.moveTo(story.v.expiresAt - 30 * SECOND + 1).tick();

    expect(story.attempts).toEqual(['sms initial skipped: time_left', 'call failure skipped: time_left']);
    expect(story.told()).toEqual(['failed']);
  });

  it('is skipped when its try was not sent and less than 30 s are left', () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.moveTo(story.v.expiresAt - 31 * SECOND).startTry();
    story.advance(2 * SECOND).endTry('rate_limited');

    expect(story.attempts).toEqual(['sms initial skipped: time_left']);
  });

  it('keeps the verification open when it is skipped while an earlier code is live', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.advance(45 * SECOND).tick();
    story.moveTo(story.v.expiresAt - 30 * SECOND + 1).tick();

    expect(story.attempts).toEqual(['sms initial sent', 'call timeout skipped: time_left']);
    expect(story.v.status).toBe('pending');
  });
});

describe('telling the time twice', () => {
  it('changes nothing the second time', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.advance(45 * SECOND).tick();
    const after = story.v;
    story.tick();

    expect(story.v).toBe(after);
  });

  it('changes nothing before anything is due', () => {
    const story = startStory();
    const before = story.v;
    story.advance(59 * SECOND).tick();

    expect(story.v).toBe(before);
  });
});

describe('the next step that a client is told of', () => {
  const nextOf = (story: Story) => verificationView(story.v, 'full').next_attempt;

  it('is known once a code is out', () => {
    const story = startStory();
    expect(nextOf(story)).toBeNull();
    story.tryOnce('sent');

    expect(nextOf(story)).toEqual({ channel: 'call', at: new Date(START + 45 * SECOND).toISOString() });
  });

  it('is none on the last step', () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('sent');

    expect(nextOf(story)).toBeNull();
  });

  it('is none at the send limit', () => {
    const story = startStory({ maxSends: 1 });
    story.tryOnce('sent');

    expect(nextOf(story)).toBeNull();
  });

  it('is none when it would come with less than 30 s left', () => {
    const late = startStory({ expiresInMs: 75 * SECOND - 1 });
    late.tryOnce('sent');
    const inTime = startStory({ expiresInMs: 75 * SECOND });
    inTime.tryOnce('sent');

    expect(nextOf(late)).toBeNull();
    expect(nextOf(inTime)).not.toBeNull();
  });

  it('is none while another attempt is under way', () => {
    const story = startStory({}, { resendCooldownMs: 0 });
    story.tryOnce('sent');
    story.request('sms');

    expect(nextOf(story)).toBeNull();
  });
});
