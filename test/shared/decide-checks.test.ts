import { describe, expect, it } from 'vitest';
import { CHECK_TTL_MS } from '../../src/shared/decide.ts';
import { type Draft, SECOND, START, startStory } from './verification-builder.ts';

/** A text is out and can be checked. */
function texted(draft: Draft = {}) {
  const story = startStory(draft);
  story.tryOnce({ kind: 'sent', mfaId: 'text', httpStatus: 200 });
  story.told();
  return story;
}

describe('starting a check', () => {
  it('reserves one before SignalWire is asked', () => {
    const story = texted();

    expect(story.startCheck()).toMatchObject({ kind: 'ask', attempts: [{ mfaId: 'text' }] });

    expect(story.v.checks).toMatchObject({ used: 1, max: 5, inFlight: [{ token: 'check', at: START }] });
    expect(story.told()).toEqual([]);
  });

  it('asks about the newest code first, then the older ones', () => {
    const story = texted();
    story.advance(45 * SECOND).tick();
    story.tryOnce({ kind: 'sent', mfaId: 'call', httpStatus: 200 });

    expect(story.startCheck()).toMatchObject({ kind: 'ask', attempts: [{ mfaId: 'call' }, { mfaId: 'text' }] });
  });

  it('asks about no code that is used up, failed or lost', () => {
    const story = texted();
    story.advance(45 * SECOND).tick();
    story.tryOnce('unknown');
    story.tryOnce({ kind: 'sent', mfaId: 'call', httpStatus: 200 });
    story.check('wrong', [0]);
    const answer = story.startCheck();

    expect(answer.kind === 'ask' && answer.attempts.map((a) => a.mfaId)).toEqual(['call']);
  });

  it('is possible while another code is on its way', () => {
    const story = texted();
    story.request('call');
    story.startTry();

    expect(story.startCheck().kind).toBe('ask');
  });

  it('is possible once a lost code turns out to be sent', () => {
    const story = startStory();
    story.tryOnce('unknown');
    expect(story.startCheck()).toEqual({ kind: 'no_code_sent' });
    story.endTry('sent', { n: 0 });

    expect(story.startCheck().kind).toBe('ask');
  });

  it('is not possible before a code is accepted, and counts for nothing', () => {
    const story = startStory();
    story.startTry();
    const before = story.v;

    expect(story.startCheck()).toEqual({ kind: 'no_code_sent' });
    expect(story.startCheck('bad', false)).toEqual({ kind: 'no_code_sent' });
    expect(story.v).toBe(before);
  });

  it('is not possible when every code is used up, and counts for nothing', () => {
    const story = texted();
    story.check('no_live_code', [0]);
    const before = story.v;

    expect(story.startCheck('next')).toEqual({ kind: 'no_live_code' });
    expect(story.v).toBe(before);
  });

  it('counts once when it is asked for twice', () => {
    const story = texted({ maxChecks: 1 });
    const first = story.startCheck();
    const after = story.v;

    expect(story.startCheck()).toEqual(first);
    expect(story.v).toBe(after);
  });
});

describe('parallel checks', () => {
  it('never exceed the limit: with all reserved, the next one waits', () => {
    const story = texted({ maxChecks: 2 });
    story.startCheck('one');
    story.advance(SECOND).startCheck('two');
    const before = story.v;

    expect(story.startCheck('three')).toMatchObject({ kind: 'checks_in_flight' });
    expect(story.startCheck('bad', false).kind).toBe('checks_in_flight');
    expect(story.v).toBe(before);
  });

  it('make room again when one is given back', () => {
    const story = texted({ maxChecks: 2 });
    story.startCheck('one');
    story.startCheck('two');
    story.endCheck('unavailable', 'one');

    expect(story.startCheck('three').kind).toBe('ask');
    expect(story.v.checks.used).toBe(2);
  });

  it('close the verification only when the last of them is answered', () => {
    const story = texted({ maxChecks: 2 });
    story.startCheck('one');
    story.startCheck('two');
    story.endCheck('wrong', 'one');
    expect(story.v.status).toBe('pending');
    expect(story.told()).toEqual([]);

    expect(story.endCheck('wrong', 'two')).toEqual({ kind: 'done' });
    expect(story.v).toMatchObject({ status: 'failed', reason: 'too_many_checks', closedAt: START });
    expect(story.told()).toEqual(['failed']);
  });

  it('may still be approved by the last of them', () => {
    const story = texted({ maxChecks: 2 });
    story.startCheck('one');
    story.startCheck('two');
    story.endCheck('wrong', 'one');
    story.endCheck('approved', 'two');

    expect(story.v).toMatchObject({ status: 'approved', checks: { used: 2 } });
  });

  it('are over when one of them approves', () => {
    const story = texted();
    story.startCheck('one');
    story.startCheck('two');
    story.endCheck('approved', 'one');

    expect(story.endCheck('approved', 'two')).toEqual({ kind: 'closed' });
    expect(story.told()).toEqual(['approved']);
  });
});

describe('the answer to a check', () => {
  it('approves the verification', () => {
    const story = texted();
    story.startCheck();

    expect(story.advance(SECOND).endCheck('approved')).toEqual({ kind: 'done' });
    expect(story.v).toMatchObject({ status: 'approved', closedAt: START + SECOND, timerAt: null });
    expect(story.told()).toEqual(['approved']);
  });

  it.each(['wrong', 'inconclusive'] as const)('counts: %s', (result) => {
    const story = texted();
    story.check(result);

    expect(story.v).toMatchObject({ status: 'pending', checks: { used: 1, inFlight: [] } });
    expect(story.told()).toEqual([]);
  });

  it.each(['unavailable', 'no_live_code'] as const)('gives the check back: %s', (result) => {
    const story = texted({ maxChecks: 1 });
    story.check(result);

    expect(story.v).toMatchObject({ status: 'pending', checks: { used: 0, inFlight: [] } });
  });

  it('gives it back once, though it comes twice', () => {
    const story = texted();
    story.check('wrong');
    story.startCheck();
    story.endCheck('unavailable');
    const after = story.v;
    story.endCheck('unavailable');

    expect(story.v).toBe(after);
    expect(story.v.checks.used).toBe(1);
  });

  it.each(['wrong', 'inconclusive'] as const)('closes the verification when it was the last check: %s', (result) => {
    const story = texted({ maxChecks: 2 });
    story.check('wrong');
    story.check(result);

    expect(story.v).toMatchObject({ status: 'failed', reason: 'too_many_checks', checks: { used: 2, max: 2 } });
    expect(story.told()).toEqual(['failed']);
  });

  it('marks the codes that SignalWire no longer knows, and leaves the others', () => {
    const story = texted();
    story.advance(45 * SECOND).tick();
    story.tryOnce('sent');
    story.check('wrong', [1]);

    expect(story.v.attempts.map((a) => a.spent)).toEqual([false, true]);
    expect(story.v.status).toBe('pending');
  });

  it('does not close a verification whose codes are all used up: another may be asked for', () => {
    const story = texted({ workflow: [{ channel: 'sms' }] });
    story.check('no_live_code', [0]);

    expect(story.v.status).toBe('pending');
    story.advance(30 * SECOND).request('sms');
    story.tryOnce('sent');
    expect(story.startCheck().kind).toBe('ask');
  });

  it('does not approve a verification that was closed meanwhile', () => {
    const story = texted();
    story.startCheck();
    story.cancel();

    expect(story.endCheck('approved')).toEqual({ kind: 'closed' });
    expect(story.v.status).toBe('canceled');
  });
});

describe('a code that this verification cannot have', () => {
  it('is wrong and counts, and SignalWire never sees it', () => {
    const story = texted();

    expect(story.startCheck('bad', false)).toEqual({ kind: 'wrong' });
    expect(story.v.checks).toEqual({ used: 1, max: 5, inFlight: [] });
  });

  it('closes the verification when it was the last check', () => {
    const story = texted({ maxChecks: 1 });

    expect(story.startCheck('bad', false)).toEqual({ kind: 'wrong' });
    expect(story.v).toMatchObject({ status: 'failed', reason: 'too_many_checks' });
    expect(story.told()).toEqual(['failed']);
  });

  it('does not close it while another check is in flight', () => {
    const story = texted({ maxChecks: 2 });
    story.startCheck('good');
    story.startCheck('bad', false);
    expect(story.v.status).toBe('pending');
    story.endCheck('approved', 'good');

    expect(story.v.status).toBe('approved');
  });
});

describe('a check whose process died', () => {
  it('stays counted, and is no longer waited for', () => {
    const story = texted();
    story.startCheck();
    story.advance(CHECK_TTL_MS - 1).tick();
    expect(story.v.checks.inFlight).toHaveLength(1);
    story.advance(1).tick();

    expect(story.v.checks).toEqual({ used: 1, max: 5, inFlight: [] });
    expect(story.v.status).toBe('pending');
  });

  it('closes the verification when it was the last one', () => {
    const story = texted({ maxChecks: 1 });
    story.startCheck();
    story.advance(CHECK_TTL_MS).tick();

    expect(story.v).toMatchObject({ status: 'failed', reason: 'too_many_checks' });
  });

  it('is noticed by the next check, which finds the verification closed', () => {
    const story = texted({ maxChecks: 1 });
    story.startCheck();

    expect(story.advance(CHECK_TTL_MS).startCheck('next')).toEqual({ kind: 'closed' });
  });

  it('is not given back when it answers after all', () => {
    const story = texted();
    story.startCheck();
    story.advance(CHECK_TTL_MS).tick();
    story.endCheck('unavailable');

    expect(story.v.checks.used).toBe(1);
  });

  it('approves when it answers so after all and the verification is still open', () => {
    const story = texted();
    story.startCheck();
    story.advance(CHECK_TTL_MS).tick();
    story.endCheck('approved');

    expect(story.v.status).toBe('approved');
  });
});
