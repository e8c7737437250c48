import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHECK_TTL_MS, decide, nextAlarm, nextDue, type Policy } from '../../src/shared/decide.ts';
import { packVerification, unpackVerification } from '../../src/shared/packed-verification.ts';
import { isClosed, type Verification } from '../../src/shared/verification.ts';
import { SECOND } from './verification-builder.ts';
import { createPlay, plot, type Scene } from './verification-plot.ts';

/** The same search every time; `DECIDE_RUNS` and `DECIDE_SEED` make it another, or a thorough one. */
const RUNS = Number(process.env['DECIDE_RUNS'] ?? 250);
const SEED = Number(process.env['DECIDE_SEED'] ?? 1);

/** Plays every plot, and looks at each scene of it. */
function inEveryScene(look: (scene: Scene, play: ReturnType<typeof createPlay>, policy: Policy) => void): void {
  fc.assert(
    fc.property(plot, (p) => {
      const play = createPlay(p);
      for (const turn of p.turns) {
        const scene = play.act(turn.pass, turn.command);
        if (scene) look(scene, play, p.policy);
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
}

const CLOSING = /^verification\.(approved|expired|failed|canceled|blocked)$/;

describe('whatever happens in whatever order', () => {
  it('comes across everything, or the rest would prove nothing', () => {
    const seen = new Set<string>();
    inEveryScene(({ decision: { next, answer, facts } }) => {
      seen.add(`answer ${answer.kind}`);
      seen.add(`${next.status} ${next.reason}`);
      for (const fact of facts) seen.add(fact.type);
      for (const a of next.attempts) seen.add(`${a.status} ${a.trigger}`).add(`error ${a.error?.code}`);
    });

    const answers =
      'done send wait over ask wrong no_code_sent no_live_code checks_in_flight closed attempt_in_progress';
    const more = 'no_step_left send_limit too_little_time cooldown';
    const errors =
      'refused unreachable unknown_outcome misconfigured time_left send_limit waited_too_long closed superseded';
    expect([...seen]).toEqual(
      expect.arrayContaining([
        ...`${answers} ${more}`.split(' ').map((kind) => `answer ${kind}`),
        ...errors.split(' ').map((code) => `error ${code}`),
        ...['approved null', 'expired expired', 'canceled canceled', 'failed too_many_checks'],
        ...['failed delivery_failed', 'failed provider_misconfigured'],
        ...['sent initial', 'sent timeout', 'sent failure', 'sent unknown', 'sent request', 'sending request'],
        ...['sent', 'failed', 'unknown'].map((name) => `verification.attempt.${name}`),
        'verification.fallback',
      ]),
    );
  });

  it('a decision is pure: it leaves its input alone, and the same input gives the same', () => {
    inEveryScene(({ before, event, now, decision }, _, policy) => {
      const frozen = deepFreeze(structuredClone(before));
      const again = decide(frozen, deepFreeze(structuredClone(event)), now, deepFreeze({ ...policy }));

      expect({ ...again }).toEqual({ ...decision });
      // the store writes nothing when it is given back what it passed in
      const unchanged = JSON.stringify(again.next) === JSON.stringify(before) && again.facts.length === 0;
      expect(again.next === frozen).toBe(unchanged);
    });
  });

  it('it can be stored and read again', () => {
    inEveryScene(({ decision: { next } }) => {
      expect(unpackVerification(next.id, packVerification(next, next.to))).toEqual(next);
    });
  });

  it('SignalWire never sends more codes than MAX_SENDS, and each is counted', () => {
    inEveryScene(({ decision: { next } }, { runs }) => {
      const codes = runs.filter((run) => run.mayHaveSent).length;
      expect(next.sends).toBeGreaterThanOrEqual(codes);
      expect(next.sends).toBeLessThanOrEqual(next.maxSends);
    });
  });

  it('nothing may be sent after the close, with less than 30 s to live, before its turn, or twice at once', () => {
    inEveryScene(({ before, event, now, decision: { next, answer } }) => {
      if (answer.kind !== 'send' || event.type !== 'try_started') return;
      expect(isClosed(next)).toBe(false);
      expect(answer.validForMs).toBe(next.expiresAt - now);
      expect(answer.validForMs).toBeGreaterThanOrEqual(30 * SECOND);
      expect(answer.attempt.nextTryAt).toBeLessThanOrEqual(now);
      expect(answer.attempt.flight?.token).toBe(event.token);
      const other = before.attempts.find((a) => a.flight !== null && a.flight.token !== event.token);
      expect(next.attempts.find((a) => a.id === other?.id)?.flight ?? null).toBeNull();
    });
  });

  it('at most one attempt is under way, and it is the last', () => {
    inEveryScene(({ decision: { next } }) => {
      const running = next.attempts.filter((a) => a.status === 'queued' || a.status === 'sending');
      expect(running).toEqual(running.length === 0 ? [] : [next.attempts.at(-1)]);
      expect(next.attempts.filter((a) => a.flight !== null)).toEqual(running.filter((a) => a.status === 'sending'));
    });
  });

  it('attempts are only appended, and what has ended stays as it ended', () => {
    inEveryScene(({ before, decision: { next } }) => {
      expect(next.attempts.slice(0, before.attempts.length).map((a) => a.id)).toEqual(before.attempts.map((a) => a.id));
      expect(new Set(next.attempts.map((a) => a.id)).size).toBe(next.attempts.length);
      for (const [n, was] of before.attempts.entries()) {
        const is = next.attempts[n]?.status;
        if (was.status === 'unknown') expect(['unknown', 'sent']).toContain(is);
        else if (was.status !== 'queued' && was.status !== 'sending') expect(is).toBe(was.status);
      }
      expect(next.currentStep).toBeGreaterThanOrEqual(before.currentStep);
    });
  });

  it('never more checks are counted than there are, and those in flight are among them', () => {
    inEveryScene(({ decision: { next } }) => {
      const { used, max, inFlight } = next.checks;
      expect(used).toBeLessThanOrEqual(max);
      expect(used).toBeGreaterThanOrEqual(inFlight.length);
      if (used === max && inFlight.length === 0) expect(isClosed(next)).toBe(true);
    });
  });

  it('a closed one never changes, and has nothing queued', () => {
    inEveryScene(({ before, decision: { next, facts } }) => {
      if (isClosed(next)) expect(next.attempts.some((a) => a.status === 'queued')).toBe(false);
      if (!isClosed(before)) return;
      const fixed = ({ status, reason, closedAt, checks, sequence, currentStep, timerAt }: Verification) => ({
        ...{ status, reason, closedAt, checks, sequence, currentStep, timerAt },
      });
      expect(fixed(next)).toEqual(fixed(before));
      expect(next.attempts).toHaveLength(before.attempts.length);
      expect(facts).toEqual([]);
    });
  });

  it('whoever looks after it expired finds it closed, by then at the latest', () => {
    inEveryScene(({ now, decision: { next } }) => {
      if (now >= next.expiresAt) expect(isClosed(next)).toBe(true);
      expect(next.closedAt ?? 0).toBeLessThanOrEqual(next.expiresAt);
      expect(next.expiresAt - next.createdAt).toBeGreaterThan(0);
    });
  });

  it('facts are numbered from 1 without gaps, and only the closing one is the last', () => {
    inEveryScene(({ decision: { next } }, { facts }) => {
      expect(facts.map((fact) => fact.sequence)).toEqual(facts.map((_, n) => n + 1));
      expect(next.sequence).toBe(facts.length);
      const closing = facts.map((fact, n) => (CLOSING.test(fact.type) ? n : -1)).filter((n) => n >= 0);
      expect(closing).toEqual(isClosed(next) ? [facts.length - 1] : []);
    });
  });

  it('facts never hold the number', () => {
    inEveryScene(({ decision: { facts } }) => {
      expect(JSON.stringify(facts)).not.toContain('7700900123');
    });
  });

  it('it is pending exactly when a code was accepted and it is open', () => {
    inEveryScene(({ decision: { next } }) => {
      if (isClosed(next)) return;
      expect(next.status).toBe(next.attempts.some((a) => a.sentAt !== null) ? 'pending' : 'queued');
    });
  });

  it('an open one is due by its expiry at the latest, and its alarm by then too', () => {
    inEveryScene(({ now, decision: { next } }, _, policy) => {
      if (isClosed(next)) return;
      const due = nextDue(next, policy) ?? Number.POSITIVE_INFINITY;
      expect(due).toBeLessThanOrEqual(next.expiresAt);
      const dying = [
        ...next.attempts.flatMap((a) => (a.flight ? [a.flight.at + policy.intentTtlMs] : [])),
        ...next.checks.inFlight.map((check) => check.at + CHECK_TTL_MS),
      ];
      // dead workers and dead checks are the reconciler's
      if (!dying.includes(due)) expect(nextAlarm(next, now)).toBeLessThanOrEqual(Math.max(due, now));
      expect(nextAlarm(next, now)).toBeGreaterThanOrEqual(now);
    });
  });

  it('telling the time does everything that is due: twice is once', () => {
    inEveryScene(({ decision: { next }, now }, _, policy) => {
      const told = decide(next, { type: 'tick' }, now, policy).next;
      if (isClosed(told) && !isClosed(next)) return; // its number is the next look's business
      expect(decide(told, { type: 'tick' }, now, policy).next).toBe(told);
      expect(nextDue(told, policy) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(now);
      if (!isClosed(told)) expect(nextAlarm(told, now)).toBeGreaterThan(now);
    });
  });

  it('time alone brings it to its end, and then nothing is due any more', () => {
    fc.assert(
      fc.property(plot, (p) => {
        const play = createPlay(p);
        for (const turn of p.turns) play.act(turn.pass, turn.command);
        for (let looks = 0; looks < 30 && nextDue(play.v, p.policy) !== null; looks++) {
          play.act('due', { do: 'tick' });
        }
        expect(nextDue(play.v, p.policy)).toBeNull();
        expect(isClosed(play.v) && play.v.to === play.v.masked).toBe(true);
        expect(play.v.attempts.every((a) => a.status !== 'queued' && a.status !== 'sending')).toBe(true);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
