import { describe, expect, it } from 'vitest';
import type { VerificationFact } from '../../src/shared/decide.ts';
import { sentence } from '../../src/shared/story.ts';
import type { AttemptView } from '../../src/shared/verification-view.ts';

const ATTEMPT: AttemptView = {
  id: 'att_1',
  step: 1,
  channel: 'call',
  status: 'sent',
  trigger: 'timeout',
  tries: 2,
  error: null,
  started_at: '',
  sent_at: null,
};
const tell = (type: VerificationFact['type'], attempt: Partial<AttemptView> | null, verification = {}) =>
  sentence({
    type,
    at: 0,
    sequence: 1,
    verification: verification as VerificationFact['verification'],
    attempt: attempt && { ...ATTEMPT, ...attempt },
  });
const ERROR = { code: 'refused', detail: 'not a mobile', http_status: 422 } as const;

describe('the story of a verification', () => {
  it('tells how attempts ended', () => {
    expect(tell('verification.attempt.sent', { tries: 1 })).toBe('call (step 2) accepted by SignalWire after 1 try');
    expect(tell('verification.attempt.sent', { channel: 'sms', step: 0 })).toBe(
      'text (step 1) accepted by SignalWire after 2 tries',
    );
    expect(tell('verification.attempt.failed', { error: ERROR })).toBe(
      'call (step 2) failed after 2 tries: not a mobile',
    );
    expect(tell('verification.attempt.unknown', { error: { ...ERROR, detail: 'lost' } })).toBe(
      'call (step 2): the outcome is unknown: lost',
    );
  });

  it.each([
    ['initial', 'it is the first step'],
    ['timeout', 'the code of the step before was not entered in time'],
    ['failure', 'the step before could not be sent'],
    ['unknown', 'the outcome of the attempt before is unknown'],
    ['request', 'the client asked for it'],
  ] as const)('tells why a later step starts (%s)', (trigger, why) => {
    expect(tell('verification.fallback', { trigger })).toBe(`call (step 2) starts, because ${why}`);
  });

  it('tells how it ended, and why when that is not the same word', () => {
    expect(tell('verification.approved', null, { status: 'approved', reason: null })).toBe('verification approved');
    expect(tell('verification.expired', null, { status: 'expired', reason: 'expired' })).toBe('verification expired');
    expect(tell('verification.failed', null, { status: 'failed', reason: 'too_many_checks' })).toBe(
      'verification failed (too_many_checks)',
    );
  });
});
