import { PROBLEM_CODES, type Problem, type ProblemCode, type Verification } from './openapi-types.ts';

/**
 * What went wrong without a problem of this release: `unreachable` no answer came, `timeout` none came in time,
 * `unexpected-answer` it is none of Ringback (a proxy's page, say), `unknown-problem` a newer Ringback has a code that
 * this release of the client does not know; branch on its `status`.
 */
export type ClientCode = 'unreachable' | 'timeout' | 'unexpected-answer' | 'unknown-problem';
export type ErrorCode = ProblemCode | ClientCode;

/** What some problems say beside the members that all have. */
interface ProblemMembers {
  'verification-closed': {
    verification_status: Verification['status'];
    reason: Verification['reason'];
    verification: Verification;
  };
  'verification-active': { verification_id: string };
  'rate-limited': { limit: string };
  forbidden: { scope?: string };
  'invalid-request': { errors: NonNullable<Problem['errors']> };
}

type ProblemOf<Code> = Code extends ProblemCode
  ? Problem & { code: Code } & (Code extends keyof ProblemMembers ? ProblemMembers[Code] : unknown)
  : Code extends 'unknown-problem'
    ? Omit<Problem, 'code'> & { code: string }
    : undefined;

/** What a failed call throws; {@link isRingbackError} gives it the type that tells its `problem` by its `code`. */
export class RingbackError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'RingbackError';
  /** What to branch on, never the message. */
  readonly code: Code;
  /** The answer's problem document (RFC 9457); undefined when there was none. */
  readonly problem: ProblemOf<Code>;
  /** HTTP status; undefined without an answer. */
  readonly status: number | undefined;
  /** How long the service asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: Code,
    message: string,
    details: { problem: ProblemOf<Code>; status?: number; retryAfterMs?: number | undefined; cause?: unknown },
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.problem = details.problem;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** All errors that calls throw, told apart by `code`. */
export type AnyRingbackError = { [Code in ErrorCode]: RingbackError<Code> }[ErrorCode];

/** Tells what a call threw from anything else, so that `switch (error.code)` can be exhaustive. */
export function isRingbackError(error: unknown): error is AnyRingbackError {
  return error instanceof RingbackError;
}

const isKnown = (code: string): code is ProblemCode => (PROBLEM_CODES as readonly string[]).includes(code);

/** Reads the refusal in an answer outside 2xx. */
export function errorFromAnswer(response: Response, body: string): RingbackError {
  const { status } = response;
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'));
  const problem = readProblem(body);
  if (problem === undefined) {
    const message = `the answer with status ${status} is none of Ringback`;
    return new RingbackError('unexpected-answer', message, { problem, status, retryAfterMs });
  }
  const message = `${problem.code}: ${problem.detail}`;
  const details = { problem, status, retryAfterMs };
  return isKnown(problem.code)
    ? new RingbackError<ProblemCode>(
        problem.code,
        message,
        details as typeof details & { problem: ProblemOf<ProblemCode> },
      )
    : new RingbackError('unknown-problem', message, details);
}

function readProblem(body: string): ProblemOf<'unknown-problem'> | undefined {
  try {
    const problem: { code?: unknown; detail?: unknown } | null = JSON.parse(body);
    return typeof problem?.code === 'string' && typeof problem.detail === 'string' ? (problem as Problem) : undefined;
  } catch {
    return undefined;
  }
}

/** `Retry-After` (RFC 9110 section 10.2.3) in milliseconds from now; undefined when absent or unreadable. */
function readRetryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
