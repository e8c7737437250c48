import type { RequestHandler } from 'express';
import { MILLION, type Prices, priceOf } from '../shared/cost.ts';
import { DEFAULT_STEP_TIMEOUT_SECONDS, decide, type Policy } from '../shared/decide.ts';
import type { Finding, Outcome, Screening } from '../shared/screening.ts';
import type { TestNumbers } from '../shared/test-numbers.ts';
import { isClosed, type OpenVerification } from '../shared/verification.ts';
import type { VerificationStore } from '../shared/verification-store.ts';
import { ownerOf } from './authenticate.ts';
import type { DraftVerification } from './draft-verification.ts';
import { retryAfterSeconds } from './problems.ts';
import { parseBody } from './read-json.ts';
import type { CreateVerification, RequestSchemas } from './schemas.ts';

interface Deps {
  schemas: RequestSchemas;
  draft: DraftVerification;
  screening: Screening;
  store: Pick<VerificationStore, 'read' | 'activeFor'>;
  testNumbers: Pick<TestNumbers, 'find'>;
  policy: Policy;
  /** undefined: the operator has not said what codes cost. */
  prices: Prices | undefined;
}

/** `POST /v1/simulate`: what a submission would be answered at this moment, and why. Nothing is stored, counted or sent. */
export function simulateRoute(deps: Deps): RequestHandler {
  const { schemas, draft, screening, store, testNumbers, policy, prices } = deps;
  return async (request, response) => {
    const body = parseBody(schemas.CreateVerification, request.body);
    const { verification: v, applicant } = await draft(body, ownerOf(response));
    const active = await findActive(v, applicant.now);
    const isTest = testNumbers.find(v.to) !== undefined;
    const replaces = active !== undefined && body.if_active === 'replace';
    const { outcome, findings } = await screening.screen({ ...applicant, replaces }, { dryRun: true });
    response.json({
      object: 'simulation',
      ...judgement(active === undefined ? undefined : (body.if_active ?? 'conflict'), outcome),
      active_verification: active ?? null,
      findings: findings.map(findingView),
      to: v.masked,
      country: v.country,
      number_type: applicant.numberType?.toLowerCase() ?? null,
      test_number: isTest,
      ...resolved(v),
      estimated_cost: prices === undefined ? null : costView(v, isTest ? 0 : 1, prices),
    });
  };

  /** Id of the number's open verification: only read, so that one whose time is over stays for others to close. */
  async function findActive(v: OpenVerification, now: number) {
    const id = await store.activeFor(v);
    const stored = id && (await store.read(id));
    if (!stored) return undefined;
    return isClosed(decide(stored.verification, { type: 'tick' }, now, policy).next) ? undefined : id;
  }
}

/** What the submission would be answered; `ifActive` when the number has an open verification, which is looked at first. */
function judgement(ifActive: CreateVerification['if_active'], outcome: Outcome) {
  const none = { reason: null, limit: null, retry_after: null };
  if (ifActive === 'conflict') return { outcome: 'conflict', http_status: 409, ...none };
  if (ifActive === 'return') return { outcome: 'existing', http_status: 200, ...none };
  switch (outcome.kind) {
    case 'limited':
      return { outcome: 'rate_limited', http_status: 429, ...verdictView(outcome) };
    case 'blocked':
      return { outcome: 'blocked', http_status: 202, ...verdictView(outcome) };
    default:
      return { outcome: 'accepted', http_status: 202, ...none };
  }
}

function findingView({ rule, mode, verdict, detail }: Finding) {
  return { rule, mode, verdict: verdict.kind, ...verdictView(verdict), detail };
}

function verdictView(verdict: Finding['verdict']) {
  return verdict.kind === 'limited'
    ? { reason: null, limit: verdict.limit, retry_after: retryAfterSeconds(verdict.retryAfterMs) }
    : { reason: verdict.reason, limit: null, retry_after: null };
}

/** What is sent, with everything that the request left out. */
function resolved(v: OpenVerification) {
  return {
    workflow: v.workflow.map(({ channel, timeout = DEFAULT_STEP_TIMEOUT_SECONDS }, i) =>
      i === v.workflow.length - 1 ? { channel } : { channel, timeout },
    ),
    from: v.from,
    code_length: v.codeLength,
    code_type: v.codeType,
    expires_in: (v.expiresAt - v.createdAt) / 1_000,
    max_checks: v.checks.max,
  };
}

/** What its codes would cost: the first one alone, and one for each step. @param times - how often each is paid for. */
function costView(v: OpenVerification, times: 0 | 1, prices: Prices) {
  const [first = 0, ...later] = v.workflow.map(({ channel }) => times * priceOf(prices, channel, v.country));
  return { first_code: first / MILLION, all_steps: later.reduce((sum, price) => sum + price, first) / MILLION };
}
