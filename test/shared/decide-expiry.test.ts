import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, START, type Story, startStory } from './verification-builder.ts';

const SMS_ONLY = [{ channel: 'sms' as const }];

describe('a verification that runs out of time', () => {
  it('is expired when a code had been accepted', () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('sent');
    story.told();
    story.moveTo(story.v.expiresAt - 1).tick();
    expect(story.v.status).toBe('pending');
    story.advance(1).tick();

    expect(story.v).toMatchObject({ status: 'expired', reason: 'expired', closedAt: story.v.expiresAt });
    expect(story.told()).toEqual(['expired']);
  });

  it('is expired when the accepted code is used up', () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('sent');
    story.check('no_live_code', [0]);
    story.moveTo(story.v.expiresAt).tick();

    expect(story.v.status).toBe('expired');
  });

  it.each(['rate_limited', 'not_sent'] as const)('is failed when no code was ever accepted: %s', (outcome) => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce(outcome);
    story.moveTo(story.v.expiresAt).tick();

    expect(story.v).toMatchObject({ status: 'failed', reason: 'delivery_failed', closedAt: story.v.expiresAt });
    expect(story.attempts).toEqual(['sms initial skipped: closed']);
    expect(story.told()).toEqual(['failed']);
  });

  it("is failed by the operator's fault when its last try was", () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('misconfigured');
    story.moveTo(story.v.expiresAt).tick();

    expect(story.v).toMatchObject({ status: 'failed', reason: 'provider_misconfigured' });
    expect(story.attempts).toEqual(['sms initial skipped: misconfigured']);
  });

  it("names the operator's fault too when it gives up with less than 30 s left", () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('misconfigured');
    story.moveTo(story.v.expiresAt - 30 * SECOND + 1).tick();

    expect(story.v).toMatchObject({ status: 'failed', reason: 'provider_misconfigured' });
    expect(story.attempts).toEqual(['sms initial skipped: misconfigured']);
  });

  it.each(['rate_limited', 'not_sent', 'refused'] as const)(
    "does not name the operator's fault when a later try was %s",
    (outcome) => {
      const story = startStory({ workflow: SMS_ONLY });
      story.tryOnce('misconfigured');
      story.tryOnce(outcome);
      story.moveTo(story.v.expiresAt).tick();

      expect(story.v).toMatchObject({ status: 'failed', reason: 'delivery_failed' });
    },
  );

  it("does not name the operator's fault when a later try was lost with its worker", () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('misconfigured');
    story.advance(30 * SECOND).startTry();
    story.advance(13 * SECOND).tick();
    story.moveTo(story.v.expiresAt).tick();

    expect(story.v).toMatchObject({ status: 'failed', reason: 'delivery_failed' });
  });

  it('is not misconfigured for a try that never left', () => {
    const story = startStory({ workflow: SMS_ONLY });
    story.tryOnce('misconfigured');
    story.tryOnce('not_left');
    story.moveTo(story.v.expiresAt).tick();

    expect(story.v.reason).toBe('provider_misconfigured');
  });

  it('ends at the moment it expires, however late that is noticed', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.moveTo(story.v.expiresAt + HOUR).tick();

    expect(story.v.closedAt).toBe(story.v.expiresAt);
    expect(story.attempts).toEqual(['sms initial sent']);
  });

  const looks: [string, (story: Story) => unknown][] = [
    ['a tick', (s) => s.tick()],
    ['a job that wants to send', (s) => s.startTry()],
    ['a check', (s) => s.startCheck('another')],
    ['a check that is asked for twice', (s) => s.startCheck('check')],
    ["a check's answer", (s) => s.endCheck('approved')],
    ['a request for another code', (s) => s.request('sms')],
    ['a request that is repeated', (s) => s.request('call', 'key')],
    ['a cancel', (s) => s.cancel()],
    ['the result of a try', (s) => s.endTry('sent')],
    ['the claim of a try that is repeated', (s) => s.startTry(-1, 'run')],
    ['a result from a stranger', (s) => s.endTry('sent', { token: 'stranger' })],
  ];
  it.each(looks)('is closed by whatever happens next, even when no job ran: %s', (_, look) => {
    const story = startStory({}, { intentTtlMs: HOUR });
    story.tryOnce('sent');
    story.request('call', 'key');
    story.startTry(-1, 'run');
    story.moveTo(story.v.expiresAt - SECOND).startCheck('check');
    story.told();
    look(story.advance(SECOND));

    expect(story.v).toMatchObject({ status: 'expired', reason: 'expired', closedAt: story.v.expiresAt });
    expect(story.told()).toEqual(['expired']);
  });

  it('is expired although a check that died was the last one: its time ended first', () => {
    const story = startStory({ maxChecks: 1 });
    story.tryOnce('sent');
    story.moveTo(story.v.expiresAt - SECOND).startCheck();
    story.moveTo(story.v.expiresAt + MINUTE).tick();

    expect(story.v).toMatchObject({ status: 'expired', reason: 'expired' });
  });

  it('failed by its checks when the last one died before it expired', () => {
    const story = startStory({ maxChecks: 1 });
    story.tryOnce('sent');
    story.moveTo(story.v.expiresAt - 15 * SECOND).startCheck();
    story.moveTo(story.v.expiresAt - 1).tick();
    expect(story.v.status).toBe('pending');
    story.advance(1).tick();

    expect(story.v).toMatchObject({ status: 'failed', reason: 'too_many_checks' });
  });
});

describe('the number of a closed verification', () => {
  it('is masked once NUMBER_RETENTION has passed since the close', () => {
    const story = startStory({}, { numberRetentionMs: 2 * HOUR });
    story.advance(SECOND).cancel();

    story.advance(2 * HOUR - 1).tick();
    expect(story.v.to).toBe('+447700900123');
    story.advance(1).tick();

    expect(story.v).toMatchObject({ to: '+44••••••••23', status: 'canceled', closedAt: START + SECOND });
    expect(story.told()).toEqual(['canceled']);
  });

  it('is kept while it is open, however short the retention', () => {
    const story = startStory({ expiresInMs: 24 * HOUR, workflow: SMS_ONLY }, { numberRetentionMs: 0 });
    story.advance(20 * HOUR).tick();

    expect(story.v.to).toBe('+447700900123');
  });
});
