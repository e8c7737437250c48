import type { ByName } from './by-name.ts';
import type { Mode } from './screening.ts';

/** At most `count` within any `ms` milliseconds. */
export interface Window {
  count: number;
  /** Whole seconds. */
  ms: number;
}

/** One limit as configured: all of its windows hold. */
export interface Limit {
  mode: Mode;
  windows: readonly Window[];
}

/** A limit for each name; undefined: off. */
export type NamedLimits = ByName<Limit | undefined>;

/** The `LIMIT_…` variables; docs/limits.md says what each one is for, and where its default comes from. */
export interface LimitsConfig {
  numberCooldown: Limit | undefined;
  number: Limit | undefined;
  numberTotal: Limit | undefined;
  numberApiKey: Limit | undefined;
  clientIp: Limit | undefined;
  prefix: Limit | undefined;
  /** By ISO 3166-1 alpha-2 code. */
  country: NamedLimits;
  /** By name of the API key. */
  apiKey: NamedLimits;
  /** By name in `rate_limit_keys`. */
  keys: NamedLimits;
  failedChecks: Limit | undefined;
  failedChecksTotal: Limit | undefined;
  checks: Limit | undefined;
}
