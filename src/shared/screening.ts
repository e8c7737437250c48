import type { Channel } from './channel.ts';
import type { EpochMs } from './clock.ts';
import type { NumberType } from './phone-number.ts';
import type { CloseReason } from './verification.ts';

/** Who asks for a code, and for which number; all that a rule may judge. The end user's address is only here as a hash. */
export interface Applicant {
  kind: 'submission' | 'attempt';
  /** Names the request: it counts once, however often it is judged. */
  token: string;
  /** Name of the API key. */
  owner: string;
  /** The full number: never in a finding. */
  to: string;
  /** The number as the audit log may show it. */
  masked: string;
  numberHash: string;
  /** ISO 3166-1 alpha-2; null: the calling code or area belongs to no country. */
  country: string | null;
  /** By the metadata of libphonenumber; null: it does not know the number, as those kept for fiction. */
  numberType: NumberType | null;
  /** Keyed hash of the end user's network (see `client-network.ts`); null: `client_ip` was not given. */
  client: string | null;
  /** `rate_limit_keys`: name to keyed hash of the value. */
  rateLimitKeys: Readonly<Record<string, string>>;
  /** Those that the code may go out over. */
  channels: readonly Channel[];
  /** It takes the place of the number's open verification. */
  replaces: boolean;
  now: EpochMs;
}

/** `monitor`: the finding is recorded, and nothing follows from it. */
export type Mode = 'enforce' | 'monitor';

export type Verdict =
  | { kind: 'limited'; limit: string; retryAfterMs: number }
  | { kind: 'blocked'; reason: CloseReason };

/** What a rule has against an applicant. `detail` is for the operator and the API key's owner: it holds no full number. */
export interface Finding {
  rule: string;
  mode: Mode;
  verdict: Verdict;
  detail: string;
}

/** How much of an allowance is left: for the client, who can then slow down in time. */
export interface Quota {
  limit: string;
  count: number;
  windowMs: number;
  remaining: number;
  /** When more of it comes back. */
  resetMs: number;
}

/** One rule, or several that are judged in one go. */
export interface Rule {
  /** `dryRun`: nothing is counted. Only findings count against the applicant; quotas are told to the client. */
  judge(applicant: Applicant, options: { dryRun: boolean }): Promise<{ findings: Finding[]; quotas?: Quota[] }>;
  /** The applicant was refused elsewhere after all: what was counted for it is taken back. */
  release?(applicant: Applicant): Promise<void>;
}

export type Outcome =
  | { kind: 'allow' }
  | { kind: 'limited'; limit: string; retryAfterMs: number }
  | { kind: 'blocked'; reason: CloseReason };

/** `findings` has all of them, those in monitor mode too. */
export interface Screened {
  outcome: Outcome;
  findings: readonly Finding[];
  quotas: readonly Quota[];
}

export interface Screening {
  /** Judges an applicant before anything is stored or sent. A dry run goes through every rule and counts nothing. */
  screen(applicant: Applicant, options?: { dryRun: boolean }): Promise<Screened>;
  release(applicant: Applicant): Promise<void>;
}

interface Deps {
  /** In the order in which they are judged: those that block, then the limits, which count. */
  rules: readonly Rule[];
  /** Told of every finding of a request that was really made. */
  onFinding(finding: Finding, applicant: Applicant): void;
}

/** Builds the screening: the first finding in enforce mode decides, and what comes after it is not even counted. */
export function createScreening({ rules, onFinding }: Deps): Screening {
  return {
    async screen(applicant, { dryRun } = { dryRun: false }) {
      const findings: Finding[] = [];
      const quotas: Quota[] = [];
      for (const rule of rules) {
        const judged = await rule.judge(applicant, { dryRun });
        findings.push(...judged.findings);
        quotas.push(...(judged.quotas ?? []));
        if (!dryRun && judged.findings.some(({ mode }) => mode === 'enforce')) break;
      }
      if (!dryRun) for (const finding of findings) onFinding(finding, applicant);
      const outcome = findings.find(({ mode }) => mode === 'enforce')?.verdict ?? { kind: 'allow' };
      return { outcome, findings, quotas };
    },

    async release(applicant) {
      for (const rule of rules) await rule.release?.(applicant);
    },
  };
}
