import { describe, expect, it } from 'vitest';
import { type Applicant, createScreening, type Finding, type Rule } from '../../src/shared/screening.ts';

const applicant: Applicant = {
  kind: 'submission',
  token: 'ver_1',
  owner: 'test',
  to: '+14045550123',
  masked: '+1••••••••23',
  numberHash: 'hash',
  country: 'US',
  numberType: null,
  client: null,
  rateLimitKeys: {},
  channels: ['sms'],
  replaces: false,
  now: 0,
};
const blocked = { kind: 'blocked', reason: 'number_blocked' } as const;
const limited = { kind: 'limited', limit: 'number', retryAfterMs: 1_000 } as const;

/** Screens by rules with these findings; tells what came of it, which rules were asked and what was recorded. */
async function screen(findings: Pick<Finding, 'mode' | 'verdict'>[], dryRun = false) {
  const asked: string[] = [];
  const recorded: string[] = [];
  const rules = findings.map(({ mode, verdict }, i): Rule => {
    const rule = `rule ${i}`;
    return {
      async judge(_applicant, options) {
        asked.push(`${rule}${options.dryRun ? ' dry' : ''}`);
        return { findings: [{ rule, mode, verdict, detail: '' }] };
      },
    };
  });
  const screening = createScreening({ rules, onFinding: ({ rule }) => recorded.push(rule) });
  const { outcome, findings: found } = await screening.screen(applicant, { dryRun });
  return { outcome, found: found.map(({ rule }) => rule), asked, recorded };
}

describe('the screening', () => {
  it('lets through what nothing is against', async () => {
    expect(await screen([])).toEqual({ outcome: { kind: 'allow' }, found: [], asked: [], recorded: [] });
  });

  it('ends with the first finding that is enforced, so that nothing after it counts', async () => {
    const { outcome, asked, recorded } = await screen([
      { mode: 'monitor', verdict: blocked },
      { mode: 'enforce', verdict: blocked },
      { mode: 'enforce', verdict: limited },
    ]);
    expect(outcome).toEqual(blocked);
    expect(asked).toEqual(['rule 0', 'rule 1']);
    expect(recorded).toEqual(['rule 0', 'rule 1']);
  });

  it('records what is only watched, and lets it through', async () => {
    const { outcome, recorded } = await screen([{ mode: 'monitor', verdict: limited }]);
    expect([outcome, recorded]).toEqual([{ kind: 'allow' }, ['rule 0']]);
  });

  it('asks every rule in a dry run, and records nothing', async () => {
    const { outcome, found, asked, recorded } = await screen(
      [
        { mode: 'enforce', verdict: limited },
        { mode: 'enforce', verdict: blocked },
      ],
      true,
    );
    expect(outcome).toEqual(limited);
    expect(found).toEqual(['rule 0', 'rule 1']);
    expect(asked).toEqual(['rule 0 dry', 'rule 1 dry']);
    expect(recorded).toEqual([]);
  });
});
