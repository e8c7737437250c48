import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type Allowances, type Counter, counterOf } from './allowances.ts';
import { CONVERSION_WINDOW_MS, type Conversions, type Tally } from './conversion.ts';
import type { DecisionLog } from './decision-log.ts';
import type { Keys } from './keys.ts';
import { findingsOf } from './limits.ts';
import type { Metrics } from './metrics.ts';
import { MIN_RUN, type NumberRuns } from './number-runs.ts';
import { prefixOf } from './phone-number.ts';
import { maskPrefix, type PrefixBlocks, SYSTEM } from './prefix-blocks.ts';
import type { Applicant, Finding, Mode, Rule } from './screening.ts';

/** docs/fraud.md says where the defaults come from. */
export interface GuardConfig {
  mode: Mode | 'off';
  /** Conversions in percent, below which the guard does more and more. */
  below: Record<Level, number>;
}

/** What the guard does about a prefix or a country, the mildest first. A whole country is never blocked. */
const LEVELS = ['alert', 'throttle', 'block'] as const;
type Level = (typeof LEVELS)[number];

/** Fewer codes tell nothing. */
const MIN_SENT = 20;
const BLOCK_MS = 12 * 60 * 60_000;
/** What a throttled prefix, or country, may have in a minute. */
const THROTTLED = { prefix: 1, country: 60 } as const;

/** What the guard thinks of a prefix or a country. */
interface Suspicion {
  scope: 'prefix' | 'country';
  subject: string;
  level: Level;
  reason: string;
  tally: Tally;
}

interface Deps {
  config: GuardConfig & { mode: Mode };
  conversions: Pick<Conversions, 'read'>;
  runs: NumberRuns;
  prefixBlocks: Pick<PrefixBlocks, 'blockPrefix'>;
  allowances: Allowances;
  redis: Redis;
  keys: Keys;
  decisions: Pick<DecisionLog, 'record'>;
  metrics: Pick<Metrics, 'guardActions'>;
  log: Pick<Logger, 'warn'>;
}

/**
 * Builds the rule against pumping: texts and calls to numbers whose owners earn on them and never enter a code. It looks at
 * how many codes lead to an approval, and for numbers that are asked for in a row.
 */
export function createPumpingGuard(deps: Deps): Rule {
  const { config, conversions, runs, prefixBlocks, allowances, redis, keys, decisions, metrics, log } = deps;
  const { mode } = config;

  async function suspect(a: Applicant, dryRun: boolean): Promise<Suspicion[]> {
    const prefix = prefixOf(a.to);
    const subjects = [prefix, ...(a.country === null ? [] : [a.country])];
    const [run, tallies] = await Promise.all([
      runs.lengthAt(a.to, a.now, { dryRun }),
      conversions.read(subjects, a.now),
    ]);
    return subjects.flatMap((subject, i): Suspicion[] => {
      const tally = tallies[i] as Tally;
      const scope = i === 0 ? 'prefix' : 'country';
      const inRow = scope === 'prefix' ? judgeRun(run, tally) : undefined;
      const converting = judgeConversion(tally, config, scope);
      const found = inRow && (!converting || rank(inRow.level) >= rank(converting.level)) ? inRow : converting;
      return found ? [{ scope, subject, tally, ...found }] : [];
    });
  }

  /** Tells the operator, once in the time that is looked at. */
  async function tell({ scope, subject, level, reason, tally }: Suspicion): Promise<void> {
    const isNew = await redis.set(keys.guardTold(subject, level), '1', 'PX', CONVERSION_WINDOW_MS, 'NX');
    if (isNew === null) return;
    metrics.guardActions.inc({ level, scope, mode });
    const shown = scope === 'prefix' ? maskPrefix(subject) : subject;
    const data = { mode, sent: tally.sent, approved: tally.approved };
    log.warn({ level, scope, subject: shown, reason, ...data }, 'the pumping guard suspects fraud');
    await decisions.record({ actor: SYSTEM, action: `guard.${level}`, subject: shown, reason, data });
  }

  function throttleOf(scope: 'prefix' | 'country', subject: string): Counter[] {
    const windows = [{ count: THROTTLED[scope], ms: 60_000 }];
    return counterOf(keys, 'guard', { mode, windows }, subject, { shared: true });
  }

  return {
    async judge(applicant, { dryRun }) {
      const findings: Finding[] = [];
      const throttled: Counter[] = [];
      for (const suspicion of await suspect(applicant, dryRun)) {
        const { scope, subject, level, reason } = suspicion;
        if (!dryRun) await tell(suspicion);
        if (level === 'throttle') throttled.push(...throttleOf(scope, subject));
        if (level !== 'block') continue;
        if (!dryRun && mode === 'enforce') await prefixBlocks.blockPrefix(subject, BLOCK_MS, reason, SYSTEM);
        const verdict = { kind: 'blocked', reason: 'suspected_fraud' } as const;
        findings.push({ rule: 'guard', mode, verdict, detail: `${maskPrefix(subject)}: ${reason}` });
      }
      if (findings.length > 0) return { findings };
      return { findings: findingsOf(await allowances.judge(throttled, applicant.token, applicant.now, { dryRun })) };
    },

    async release({ to, country, token }) {
      const counters = [
        ...throttleOf('prefix', prefixOf(to)),
        ...(country === null ? [] : throttleOf('country', country)),
      ];
      await allowances.release(counters, token);
    },
  };
}

const rank = (level: Level) => LEVELS.indexOf(level);

function judgeConversion(
  { sent, approved }: Tally,
  { below }: GuardConfig,
  scope: 'prefix' | 'country',
): { level: Level; reason: string } | undefined {
  if (sent < MIN_SENT) return undefined;
  const percent = (100 * approved) / sent;
  const level = LEVELS.findLast((candidate) => percent < below[candidate]);
  if (level === undefined) return undefined;
  const reason = `${approved} of ${sent} codes were entered in the last hour`;
  return { level: scope === 'country' && level === 'block' ? 'throttle' : level, reason };
}

/** Neighbours that enter their codes are colleagues; those of whom nobody does are made up. */
function judgeRun(run: number, { approvedSoFar }: Tally): { level: Level; reason: string } | undefined {
  if (run < MIN_RUN) return undefined;
  const reason = `${run} numbers in a row within 10 minutes`;
  return approvedSoFar > 0
    ? { level: 'alert', reason }
    : { level: 'block', reason: `${reason}, and no code was entered` };
}
