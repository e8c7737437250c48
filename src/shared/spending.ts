import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type ByName, valueFor } from './by-name.ts';
import type { EpochMs } from './clock.ts';
import { costOf, dayOf, MILLION, type Prices } from './cost.ts';
import type { DecisionLog } from './decision-log.ts';
import type { Keys } from './keys.ts';
import type { Metrics } from './metrics.ts';
import type { Notices } from './notices.ts';
import type { RunScript } from './redis-scripts.ts';
import type { Mode, Rule } from './screening.ts';
import type { TestNumbers } from './test-numbers.ts';
import type { Change } from './verification-store.ts';

/** What may be spent in a day, in millionths. */
export interface Budget {
  mode: Mode;
  amount: number;
}

/** docs/spending.md */
export interface SpendingConfig {
  /** undefined: nobody knows what is spent. */
  prices: Prices | undefined;
  dailyBudget: Budget | undefined;
  /** By name of the API key. */
  apiKeyBudget: ByName<Budget | undefined>;
}

/** At these shares of a budget, in percent, the operator is told. */
const TOLD_AT = [50, 80, 100] as const;
const DAY_MS = 24 * 60 * 60_000;
/** Codes of one day may be taken back on the next. */
const REMEMBER_MS = 3 * DAY_MS;

/** What codes are paid from: that of the whole service, or that of one API key. */
interface Purse {
  /** Its name in the record of the day. */
  id: string;
  limit: 'daily-budget' | 'api-key-budget';
  /** Whose it is; undefined: everybody's. */
  owner: string | undefined;
  budget: Budget | undefined;
}

function pursesOf({ dailyBudget, apiKeyBudget }: SpendingConfig, owner: string): Purse[] {
  return [
    { id: 'all', limit: 'daily-budget', owner: undefined, budget: dailyBudget },
    { id: `api-key:${owner}`, limit: 'api-key-budget', owner, budget: valueFor(apiKeyBudget, owner) },
  ];
}

interface Deps {
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  config: SpendingConfig;
  testNumbers: Pick<TestNumbers, 'find'>;
  decisions: Pick<DecisionLog, 'record'>;
  notices: Pick<Notices, 'tell'>;
  metrics: Pick<Metrics, 'budgetsReached'>;
  log: Pick<Logger, 'warn' | 'error'>;
}

/** Keeps what is spent on each day (UTC), and tells when a good part of a budget is gone. */
export function createSpending(deps: Deps) {
  const { redis, runScript, keys, config, testNumbers, decisions, notices, metrics, log } = deps;

  async function bookDay(day: string, cost: number, owner: string): Promise<void> {
    const purses = pursesOf(config, owner);
    const entries = purses.map(({ id, budget }) => [id, budget?.amount ?? null, budget && cost > 0 ? TOLD_AT : []]);
    const args = [cost, REMEMBER_MS, JSON.stringify(entries)];
    const news = (await runScript('bookSpending', [keys.spending(day)], args)) as [string, number, number][];
    for (const [id, percent, spent] of news) {
      const purse = purses.find((candidate) => candidate.id === id);
      if (purse?.budget) await tell(purse, purse.budget, percent, { day, spent: spent / MILLION });
    }
  }

  async function tell(purse: Purse, { mode, amount }: Budget, percent: number, facts: { day: string; spent: number }) {
    const { owner, limit } = purse;
    const data = { percent, budget: amount / MILLION, mode, ...facts };
    log.warn({ limit, owner, ...data }, 'a good part of the budget of the day is spent');
    metrics.budgetsReached.inc({ limit, percent });
    const reason = `${percent} % of the budget of the day is spent`;
    await decisions.record({
      actor: 'system',
      action: 'budget.reached',
      ...(owner && { owner }),
      subject: limit,
      reason,
      data,
    });
    if (owner !== undefined) await notices.tell(owner, { type: 'budget.reached', data: { budget: data } });
  }

  return {
    /**
     * Books what a stored change costs. It is done after the change, so a process that dies in between leaves its code out:
     * the budget is a fence, not the bill. It never fails; what could not be booked is logged.
     */
    async book(change: Change): Promise<void> {
      if (config.prices === undefined || testNumbers.find((change.before ?? change.after).to)) return;
      for (const [day, cost] of costOf(change, config.prices)) {
        if (cost === 0) continue;
        await bookDay(day, cost, change.after.owner).catch((error: unknown) => {
          log.error({ err: error, day }, 'what a code costs could not be booked, or nobody could be told');
        });
      }
    },

    /** What is spent on the day of a moment, in millionths, from each of the purses. */
    async spent(at: EpochMs, purses: readonly Purse[]): Promise<number[]> {
      const found = await redis.hmget(keys.spending(dayOf(at)), ...purses.map(({ id }) => `spent:${id}`));
      return found.map(Number);
    },
  };
}

export type Spending = ReturnType<typeof createSpending>;

/** Refuses what is not paid for, until the next day (UTC) begins. */
export function createBudgetRule(spending: Pick<Spending, 'spent'>, config: SpendingConfig): Rule {
  return {
    async judge({ owner, now }) {
      const purses = pursesOf(config, owner).filter(({ budget }) => budget !== undefined);
      if (purses.length === 0) return { findings: [] };
      const spent = await spending.spent(now, purses);
      const retryAfterMs = DAY_MS - (now % DAY_MS);
      return {
        findings: purses.flatMap(({ limit, budget }, i) =>
          budget === undefined || (spent[i] ?? 0) < budget.amount
            ? []
            : [
                {
                  rule: limit,
                  mode: budget.mode,
                  verdict: { kind: 'limited', limit, retryAfterMs } as const,
                  detail: 'the budget of the day (UTC) is spent',
                },
              ],
        ),
      };
    },
  };
}
