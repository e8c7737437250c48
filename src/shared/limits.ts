import { type Allowances, type Counter, type CounterState, counterOf, isFull } from './allowances.ts';
import { valueFor } from './by-name.ts';
import { formatDuration } from './duration.ts';
import type { FamiliarClients } from './familiar-clients.ts';
import type { Keys } from './keys.ts';
import type { Limit, LimitsConfig } from './limit.ts';
import { prefixOf } from './phone-number.ts';
import type { Applicant, Finding, Quota, Rule } from './screening.ts';

interface Deps {
  allowances: Allowances;
  familiar: FamiliarClients;
  keys: Keys;
  config: LimitsConfig;
}

/**
 * Builds the rule that counts submissions and requested attempts, docs/limits.md.
 *
 * What is counted for a number is counted apart for each network that asks, so that a stranger at another address uses up
 * an allowance of their own. The wider `number-total` fences in those who come from many addresses; it leaves out the
 * networks that the number was approved from lately.
 */
export function createLimits({ allowances, familiar, keys, config }: Deps): Rule {
  function countersFor(a: Applicant, isFamiliar: boolean): Counter[] {
    const source = sourceOf(a.numberHash, a.client);
    const counter = (limit: string, configured: Limit | undefined, subject: string, roles: Partial<Counter> = {}) =>
      counterOf(keys, limit, configured, subject, roles);
    return [
      // a requested attempt has RESEND_COOLDOWN; a replacement could never come soon enough
      ...(a.kind === 'submission'
        ? counter('number-cooldown', config.numberCooldown, source, { judged: !a.replaces })
        : []),
      ...counter('number', config.number, source),
      ...(isFamiliar ? [] : counter('number-total', config.numberTotal, a.numberHash)),
      ...counter('number-api-key', config.numberApiKey, `${a.owner}:${source}`),
      ...(a.client === null ? [] : counter('client-ip', config.clientIp, a.client)),
      ...counter('prefix', config.prefix, prefixOf(a.to), { shared: true }),
      ...(a.country === null
        ? []
        : counter('country', valueFor(config.country, a.country), a.country, { shared: true })),
      ...counter('api-key', valueFor(config.apiKey, a.owner), a.owner),
      ...Object.entries(a.rateLimitKeys).flatMap(([name, hash]) =>
        counter(`key:${name}`, valueFor(config.keys, name), `${a.owner}:${hash}`),
      ),
      // a code that could not be checked today is not worth sending
      ...counter('failed-checks', config.failedChecks, source, { counted: false }),
      ...(isFamiliar ? [] : counter('failed-checks-total', config.failedChecksTotal, a.numberHash, { counted: false })),
    ];
  }

  return {
    async judge(applicant, { dryRun }) {
      const isFamiliar = await familiar.has(applicant.numberHash, applicant.client);
      const counters = countersFor(applicant, isFamiliar);
      const states = await allowances.judge(counters, applicant.token, applicant.now, { dryRun });
      const findings = findingsOf(states);
      const refused = findings.some(({ mode }) => mode === 'enforce');
      return { findings, quotas: quotasOf(states, refused || dryRun) };
    },

    async release(applicant) {
      await allowances.release(countersFor(applicant, false), applicant.token);
    },
  };
}

/** Who asks for codes for a number, as a key: its allowance is not that of a stranger at another address. */
export function sourceOf(numberHash: string, client: string | null): string {
  return `${numberHash}:${client ?? 'none'}`;
}

/** What the counters have against a request; the one that it has to wait for the longest stands first. */
export function findingsOf(states: readonly CounterState[]): Finding[] {
  return states
    .flatMap((state): { finding: Finding; waitMs: number }[] => {
      const full = state.windows.filter((window) => isFull(state, window)).sort((a, b) => b.resetMs - a.resetMs)[0];
      if (full === undefined) return [];
      const { limit, config } = state.counter;
      const verdict = { kind: 'limited', limit, retryAfterMs: full.resetMs } as const;
      const detail = `${full.used} of ${full.count} in ${formatDuration(full.ms)}`;
      return [{ finding: { rule: limit, mode: config.mode, verdict, detail }, waitMs: full.resetMs }];
    })
    .sort((a, b) => b.waitMs - a.waitMs)
    .map(({ finding }) => finding);
}

/** What is left of the allowances that the client is told of: those that are enforced and its own, and whatever refused it. */
function quotasOf(states: readonly CounterState[], refused: boolean): Quota[] {
  return states.flatMap((state) => {
    const { counter, known } = state;
    if (counter.config.mode === 'monitor' || !counter.counted) return [];
    return state.windows.flatMap((window) => {
      if (counter.shared && !isFull(state, window)) return [];
      const taken = refused || known ? 0 : 1;
      return {
        limit: counter.limit,
        count: window.count,
        windowMs: window.ms,
        remaining: Math.max(0, window.count - window.used - taken),
        resetMs: window.resetMs || (taken ? window.ms : 0),
      };
    });
  });
}
