import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND, START, type Story, startStory } from './verification-builder.ts';

const closes: [string, (story: Story) => unknown][] = [
  ['approved', (s) => s.endCheck('approved')],
  ['expired', (s) => s.moveTo(s.v.expiresAt).tick()],
  ['canceled', (s) => s.cancel()],
];

describe('a closed verification', () => {
  /** Closed while a call is in flight and a check is under way. */
  function closed(close: (story: Story) => unknown) {
    const story = startStory({}, { resendCooldownMs: 0 });
    story.tryOnce('sent');
    story.request('call', 'key');
    story.startTry(1, 'run');
    story.startCheck('check');
    story.startCheck('open');
    close(story);
    story.told();
    return story;
  }

  it.each(closes)('never changes its status, reason, closing time or checks: %s', (status, close) => {
    const story = closed(close);
    const { reason, closedAt, checks, attempts, sequence } = story.v;
    story.endTry('sent', { n: 1, token: 'run' });
    story.endCheck('approved', 'open', [0]);
    story.endCheck('wrong', 'check');
    story.startCheck('new');
    story.startCheck('bad', false);
    story.request('sms');
    story.request('call');
    story.startTry(1);
    story.cancel('replaced');
    story.advance(MINUTE).tick();

    expect(story.v).toMatchObject({ status, reason, closedAt, checks, sequence, currentStep: 1 });
    expect(story.v.attempts).toHaveLength(attempts.length);
    expect(story.attempt(0).spent).toBe(false);
    expect(story.told()).toEqual([]);
  });

  it.each(closes)('answers everybody that it is closed: %s', (_, close) => {
    const story = closed(close);

    expect(story.startCheck('new')).toEqual({ kind: 'closed' });
    expect(story.startCheck('bad', false)).toEqual({ kind: 'closed' });
    expect(story.startCheck('open')).toEqual({ kind: 'closed' });
    expect(story.endCheck('approved', 'open')).toEqual({ kind: 'closed' });
    expect(story.request()).toEqual({ kind: 'closed' });
    expect(story.cancel()).toEqual({ kind: 'closed' });
    expect(story.startTry(1, 'run')).toEqual({ kind: 'over' });
    expect(story.startTry(1, 'other')).toEqual({ kind: 'over' });
  });

  it('says last of all that it is closed', () => {
    const story = startStory();
    story.tryOnce('refused');
    story.tryOnce('refused');
    story.tick();

    const types = story.facts.map((fact) => fact.type);
    expect(types.at(-1)).toBe('verification.failed');
    expect(story.facts.map((fact) => fact.sequence)).toEqual(types.map((_, i) => i + 1));
    expect(story.facts.at(-1)).toMatchObject({
      attempt: null,
      verification: { status: 'failed', reason: 'delivery_failed', closed_at: new Date(START).toISOString() },
    });
  });

  it('is approved without a reason', () => {
    const story = closed((s) => s.endCheck('approved'));

    expect(story.v).toMatchObject({ status: 'approved', reason: null });
  });

  it('keeps an attempt from being sent that was queued', () => {
    const story = startStory();
    story.tryOnce('sent');
    story.request('call');
    story.check('approved');

    expect(story.attempts).toEqual(['sms initial sent', 'call request skipped: closed']);
  });
});

describe('an attempt that was under way at the close', () => {
  function closedWhileSending() {
    const story = startStory();
    story.startTry(0, 'run');
    story.advance(SECOND).cancel();
    story.told();
    return story;
  }

  it.each([
    ['sent', 'sms initial sent', 1, 1],
    ['unknown', 'sms initial unknown: unknown_outcome', 1, 1],
    ['refused', 'sms initial failed: refused', 0, 1],
    ['misconfigured', 'sms initial failed: misconfigured', 0, 1],
    ['not_sent', 'sms initial skipped: closed', 0, 1],
    ['rate_limited', 'sms initial skipped: closed', 0, 1],
    ['not_left', 'sms initial skipped: closed', 0, 0],
  ] as const)('still gets its result, and starts nothing: %s', (outcome, attempt, sends, tries) => {
    const story = closedWhileSending();
    expect(story.attempts).toEqual(['sms initial sending']);

    expect(story.advance(SECOND).endTry(outcome)).toEqual({ kind: 'over' });

    expect(story.attempts).toEqual([attempt]);
    expect(story.v).toMatchObject({ status: 'canceled', sends, timerAt: null });
    expect(story.attempt(0).tries).toBe(tries);
    expect(story.told()).toEqual([]);
  });

  it('keeps the id of a code that was sent', () => {
    const story = closedWhileSending();
    story.advance(SECOND).endTry({ kind: 'sent', mfaId: 'mfa-9', httpStatus: 200 });

    expect(story.attempt(0)).toMatchObject({ mfaId: 'mfa-9', sentAt: START + 2 * SECOND });
  });

  it('loses the error of an earlier try when it was sent', () => {
    const story = startStory();
    story.tryOnce('not_sent');
    story.advance(SECOND).startTry(0, 'run');
    story.cancel();
    story.endTry('sent');

    expect(story.attempts).toEqual(['sms initial sent']);
  });

  it('is recorded once', () => {
    const story = closedWhileSending();
    story.endTry('refused');
    const after = story.v;
    story.endTry('refused');

    expect(story.v).toBe(after);
  });

  it('gets its result when the verification expired meanwhile and nobody had looked', () => {
    const story = startStory({ workflow: [{ channel: 'sms' }] });
    story.moveTo(story.v.expiresAt - 30 * SECOND).startTry();
    story.moveTo(story.v.expiresAt).endTry('sent');

    expect(story.attempts).toEqual(['sms initial sent']);
    expect(story.v).toMatchObject({ status: 'failed', reason: 'delivery_failed', closedAt: story.v.expiresAt });
    expect(story.told()).toEqual(['failed']);
  });

  it('is unknown when its worker died, which is reported to nobody', () => {
    const story = closedWhileSending();
    story.moveTo(START + 13 * SECOND - 1).tick();
    expect(story.attempts).toEqual(['sms initial sending']);
    story.advance(1).tick();

    expect(story.attempts).toEqual(['sms initial unknown: unknown_outcome']);
    expect(story.v).toMatchObject({ status: 'canceled', sends: 1 });
    expect(story.told()).toEqual([]);
  });
});
