import type { Outcome } from '../shared/screening.ts';
import { ProblemError } from './problems.ts';

/** The refusal of a request that is over a limit: it names the limit, and says when to come back. */
export function rateLimited({ limit, retryAfterMs }: Extract<Outcome, { kind: 'limited' }>): ProblemError {
  return new ProblemError(
    'rate-limited',
    `the limit "${limit}" is reached; repeat the request when Retry-After is over`,
    {
      members: { limit },
      retryAfterMs,
    },
  );
}
