import { describe, expect, it } from 'vitest';
import { decide, open, type VerificationEvent } from '../../src/shared/decide.ts';
import { readStory, type StoryFact, storyLine, tell } from '../../src/shared/story.ts';
import { callbackSentence, sentence } from '../../src/shared/story-words.ts';
import { activeAttempt, type CloseReason, type Verification } from '../../src/shared/verification.ts';
import {
  type Draft,
  draftOf,
  HOUR,
  OUTCOMES,
  type OutcomeName,
  POLICY,
  SECOND,
  START,
} from './verification-builder.ts';

/** A verification that tells its own story: each call is one event, and `told` what was said since it was last asked. */
function narrate(draft: Draft = {}, blocked: CloseReason | null = null) {
  let now = START;
  let v: Verification = open(draftOf(draft), now, POLICY, blocked).next;
  const facts: StoryFact[] = tell(null, null, v, now);
  let told = 0;
  const on = (event: VerificationEvent) => {
    const { next } = decide(v, event, now, POLICY);
    facts.push(...tell(v, event, next, now));
    v = next;
  };
  const attemptId = () => activeAttempt(v)?.id ?? '';
  return {
    facts,
    on,
    wait(ms: number) {
      now += ms;
    },
    /** One try that takes so long and ends so. */
    attempt(outcome: OutcomeName, tookMs = 400, heldBackByRate?: number) {
      const id = attemptId();
      on({ type: 'try_started', attemptId: id, token: `t${facts.length}` });
      const token = v.attempts.find((a) => a.id === id)?.flight?.token ?? '';
      now += tookMs;
      on({ type: 'try_ended', attemptId: id, token, outcome: OUTCOMES[outcome], random: 0.5, heldBackByRate });
      return token;
    },
    told() {
      const lines = facts.slice(told).map((fact) => `${fact.type} | ${sentence(fact, v)}`);
      told = facts.length;
      return lines;
    },
  };
}

describe('the story of a verification', () => {
  it('tells a text, the call that follows it, and the code', () => {
    const story = narrate();
    story.attempt('sent');
    expect(story.told()).toEqual([
      'verification.created | submitted by acme: text for 45 s, then call; it expires in 10 min',
      'attempt.started | text starts (step 1): the first step',
      'attempt.sent | text accepted by SignalWire in 400 ms',
    ]);

    story.wait(45 * SECOND);
    story.on({ type: 'tick' });
    story.attempt('sent', 1_250);
    story.on({ type: 'check_started', token: 'c1', wellFormed: true });
    story.on({ type: 'check_ended', token: 'c1', result: 'wrong', spent: [] });
    story.on({ type: 'check_started', token: 'c2', wellFormed: false });
    story.on({ type: 'check_started', token: 'c3', wellFormed: true });
    story.on({ type: 'check_ended', token: 'c3', result: 'approved', spent: [] });
    story.wait(24 * HOUR);
    story.on({ type: 'tick' });
    expect(story.told()).toEqual([
      'attempt.started | call starts (step 2): the code of the step before was not entered in time',
      'attempt.sent | call accepted by SignalWire in 1.3 s',
      'check.wrong | a code was wrong (check 1 of 5)',
      'check.wrong | a code was wrong (check 2 of 5)',
      'check.approved | the code was right (check 3 of 5)',
      'verification.approved | approved 46.7 s after it was submitted',
      'number.dropped | the full number was dropped from the record',
    ]);
  });

  it('tells every try that was not sent, and why the attempt ended', () => {
    const story = narrate();
    story.told();
    story.attempt('not_sent');
    story.wait(SECOND);
    story.attempt('rate_limited');
    story.wait(2 * SECOND);
    story.attempt('not_left');
    story.attempt('refused');
    expect(story.told()).toEqual([
      'attempt.retry | text try 1 was not sent: connection refused; the next one follows in 250 ms',
      'attempt.retry | text waited 750 ms for its turn; try 2 was not sent: answered 429; the next one follows in 2 s',
      'attempt.failed | text failed after 3 tries: answered 422',
      'attempt.started | call starts (step 2): the step before could not be sent',
    ]);
  });

  it('tells how long a try waited, and when that was the rate limit', () => {
    const story = narrate();
    story.told();
    story.wait(3_100);
    story.attempt('sent', 412, 4);
    expect(story.told()).toEqual([
      'attempt.sent | text waited 3.1 s behind the rate limit of 4 per second; accepted by SignalWire in 412 ms',
    ]);
    expect(story.facts.at(-1)).toMatchObject({ waitedMs: 3_100, ratePerSecond: 4, tookMs: 412, tries: 1 });
  });

  it('tells an unknown outcome, its replacement, and the late answer', () => {
    const story = narrate();
    story.told();
    const token = story.attempt('unknown');
    expect(story.told()).toEqual([
      'attempt.unknown | text may or may not have been sent: the answer was lost',
      'attempt.started | text starts (step 1): whether the one before went out is unknown',
    ]);
    story.on({ type: 'try_ended', attemptId: `att_7a${'0'.repeat(34)}`, token, outcome: OUTCOMES.sent, random: 0 });
    expect(story.told()).toEqual([
      'attempt.sent | text was accepted by SignalWire after all',
      'attempt.skipped | text skipped: the code before it was accepted after all',
    ]);
  });

  it('tells a check that proved nothing, and one whose process died', () => {
    const story = narrate();
    story.attempt('sent');
    story.told();
    for (const result of ['unavailable', 'no_live_code', 'inconclusive'] as const) {
      story.on({ type: 'check_started', token: result, wellFormed: true });
      story.on({ type: 'check_ended', token: result, result, spent: [] });
    }
    story.on({ type: 'check_started', token: 'dies', wellFormed: true });
    story.wait(16 * SECOND);
    story.on({ type: 'tick' });
    expect(story.told()).toEqual([
      'check.unavailable | a code could not be checked, because SignalWire was not there; it does not count',
      'check.no_live_code | a code was entered when none could be checked any more; it does not count',
      'check.inconclusive | a code was checked, and the answer was lost (check 1 of 5)',
      'check.inconclusive | a code was checked, and the answer was lost (check 2 of 5)',
    ]);
  });

  it('tells a misconfigured account for a while, not for ever', () => {
    const story = narrate({ expiresInMs: 24 * HOUR, workflow: [{ channel: 'sms' }] });
    story.told();
    for (let i = 0; i < 100; i++) {
      story.attempt('misconfigured');
      story.wait(30 * SECOND);
    }
    expect(story.told()).toHaveLength(20);
  });

  it.each([
    ['canceled', 'verification.canceled | canceled: the client canceled it'],
    ['replaced', 'verification.canceled | canceled: the client submitted a new one for the number'],
  ] as const)('tells who ended it (%s)', (reason, line) => {
    const story = narrate();
    story.told();
    story.on({ type: 'canceled', reason });
    expect(story.told()).toEqual([
      'attempt.skipped | text skipped: the verification was closed before it was sent',
      line,
    ]);
  });

  it('tells why a policy refused it', () => {
    expect(narrate({}, 'country_not_allowed').told()).toEqual([
      'verification.created | submitted by acme: text for 45 s, then call; it expires in 10 min',
      'verification.blocked | blocked: codes are not sent to its country',
    ]);
  });

  it('tells nothing of an event that changed nothing', () => {
    const story = narrate();
    story.told();
    story.on({ type: 'tick' });
    story.on({ type: 'check_started', token: 'c', wellFormed: true }); // no code is out yet
    expect(story.told()).toEqual([]);
  });

  it('is kept in facts that can be read again', () => {
    const story = narrate();
    story.attempt('refused');
    expect(readStory(story.facts.map(storyLine).join(''))).toEqual(story.facts);
  });

  it('is kept short, every figure under a name of its own', () => {
    const figures: Required<Omit<StoryFact, 'type' | 'at'>> = {
      attempt: 1,
      trigger: 'timeout',
      tries: 2,
      waitedMs: 3,
      ratePerSecond: 4,
      tookMs: 5,
      retryInMs: 6,
      detail: 'seven',
      httpStatus: 8,
      used: 9,
      reason: 'expired',
      callback: 'cb_1',
      event: 'verification.expired',
      delivery: 10,
      host: 'acme.example',
    };
    const fact: StoryFact = { type: 'attempt.retry', at: START, ...figures };
    expect(readStory(storyLine(fact))).toEqual([fact]);
    const approved: StoryFact = { type: 'verification.approved', at: START, reason: null };
    expect(storyLine(approved)).toBe(`["verification.approved",${START}]\n`);
    expect(readStory(storyLine(approved))).toEqual([approved]);
    expect(storyLine({ type: 'attempt.sent', at: START, attempt: 0, tries: 1, tookMs: 212 })).toBe(
      `["attempt.sent",${START},{"a":0,"n":1,"t":212}]\n`,
    );
  });
});

describe('what became of a delivery', () => {
  const fact = { type: 'callback.delivered', at: START, event: 'verification.approved', host: 'acme.example' } as const;

  it.each([
    [{ tookMs: 12, delivery: 1 }, 'callback verification.approved delivered to acme.example in 12 ms'],
    [{ tookMs: 12, delivery: 3 }, 'callback verification.approved delivered to acme.example in 12 ms, delivery 3'],
    [
      { type: 'callback.failed', delivery: 2, detail: 'answered 500', retryInMs: 5_000 },
      'callback verification.approved not delivered to acme.example, delivery 2: answered 500; again in 5 s',
    ],
    [
      { type: 'callback.exhausted', delivery: 10, detail: 'answered 500' },
      'callback verification.approved given up for acme.example, delivery 10: answered 500; it can be replayed',
    ],
    [
      { type: 'callback.gone', delivery: 1, detail: 'answered 410' },
      'callback verification.approved refused for good by acme.example: answered 410',
    ],
    [
      { type: 'callback.refused', delivery: 1, detail: 'a private address' },
      'callback verification.approved not sent to acme.example: a private address',
    ],
  ] as const)('%j', (rest, line) => {
    expect(callbackSentence({ ...fact, ...rest })).toBe(line);
  });
});
