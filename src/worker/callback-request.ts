import { type Dispatcher, errors, request } from 'undici';
import { signCallback } from '../shared/callback-signature.ts';
import { TargetRefusedError } from '../shared/callback-target.ts';
import type { Clock } from '../shared/clock.ts';
import { describeNetworkError } from '../shared/network-errors.ts';
import { currentOrigin } from '../shared/origin.ts';
import { parseRetryAfter } from '../shared/retry-after.ts';

/** How one delivery ended. Details are in words and never hold an address, a number or what was sent. */
export type Delivery =
  | { kind: 'delivered'; httpStatus: number; latencyMs: number }
  | {
      kind: 'failed';
      /** null when there was no answer. */
      httpStatus: number | null;
      detail: string;
      /** What the receiver asked for, at most 1 h. */
      retryAfterMs?: number;
      latencyMs: number;
      /** The beginning of its body, at most 1 KB. */
      answer?: string;
    }
  /** The receiver wants no more of them. */
  | { kind: 'gone'; httpStatus: 410; latencyMs: number }
  /** Final: the target's address is not allowed, so another delivery would not reach it either. */
  | { kind: 'refused'; detail: 'the target is not allowed'; latencyMs: number };

/** Makes one delivery. Never throws: whatever happens is an outcome. */
export type PostCallback = (callback: {
  url: string;
  eventId: string;
  body: string;
  /** The endpoint's own, in place of the configured ones; all of them sign. */
  secrets?: readonly string[];
}) => Promise<Delivery>;

interface Deps {
  /** From `createCallbackAgent`: it judges addresses and bounds the time to connect. */
  agent: Dispatcher;
  clock: Clock;
  /** All of them sign. */
  secrets: readonly string[];
  userAgent?: string;
  timeouts?: Timeouts;
}

interface Timeouts {
  /** From the start to the answer's status and headers, ms. */
  answerMs: number;
  /** From the start to the end of the answer's body, ms. */
  totalMs: number;
}

const DEFAULT_TIMEOUTS: Timeouts = { answerMs: 15_000, totalMs: 20_000 };
const MAX_RETRY_AFTER_MS = 60 * 60_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const KEPT_ANSWER_BYTES = 1024;

/**
 * Builds the delivery of callbacks: one signed POST (Standard Webhooks, https://www.standardwebhooks.com), no redirect
 * followed. Trying again is the queue's business.
 */
export function createCallbackRequest(deps: Deps): PostCallback {
  const { agent, clock, userAgent = 'Ringback', timeouts = DEFAULT_TIMEOUTS } = deps;

  return async function post({ url, eventId, body, secrets = deps.secrets }) {
    const startedAt = performance.now();
    const latencyMs = () => Math.round(performance.now() - startedAt);
    if (secrets.length === 0) {
      const detail = 'not sent: without CALLBACK_SECRET it cannot be signed';
      return { kind: 'failed', httpStatus: null, detail, latencyMs: latencyMs() };
    }
    if (!isHttpUrl(url)) return { kind: 'refused', detail: 'the target is not allowed', latencyMs: latencyMs() };
    const { traceparent } = currentOrigin();
    const deadlines = startDeadlines(timeouts);
    try {
      const timestampSeconds = Math.floor(clock.now() / 1000);
      const response = await request(url, {
        dispatcher: agent,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': userAgent,
          'webhook-id': eventId,
          'webhook-timestamp': String(timestampSeconds),
          'webhook-signature': signCallback({ secrets, id: eventId, timestampSeconds, body }),
          ...(traceparent !== undefined && { traceparent }),
        },
        body,
        signal: deadlines.signal,
      });
      deadlines.answered();
      const { statusCode: httpStatus } = response;
      if (httpStatus === 410 || (httpStatus >= 200 && httpStatus < 300)) {
        // nobody waits for the rest: it is only read so that the connection can be used again
        void response.body.dump({ limit: KEPT_ANSWER_BYTES }).then(deadlines.clear, deadlines.clear);
        return httpStatus === 410
          ? { kind: 'gone', httpStatus, latencyMs: latencyMs() }
          : { kind: 'delivered', httpStatus, latencyMs: latencyMs() };
      }
      const answer = await readBeginning(response.body);
      deadlines.clear();
      const asked = parseRetryAfter([response.headers['retry-after']].flat()[0], clock.now());
      return {
        kind: 'failed',
        httpStatus,
        detail: describeStatus(httpStatus),
        ...(asked !== undefined && { retryAfterMs: Math.min(asked, MAX_RETRY_AFTER_MS) }),
        latencyMs: latencyMs(),
        ...(answer !== '' && { answer }),
      };
    } catch (error) {
      deadlines.clear();
      if (error instanceof TargetRefusedError)
        return { kind: 'refused', detail: error.message, latencyMs: latencyMs() };
      return { kind: 'failed', httpStatus: null, detail: describeFailure(error), latencyMs: latencyMs() };
    }
  };
}

class AnswerTimeoutError extends Error {}

function startDeadlines({ answerMs, totalMs }: Timeouts) {
  const controller = new AbortController();
  const abort = (ms: number) => controller.abort(new AnswerTimeoutError(`no answer within ${ms / 1000} s`));
  const answer = setTimeout(abort, answerMs, answerMs);
  const total = setTimeout(abort, totalMs, totalMs);
  return {
    signal: controller.signal,
    answered: () => clearTimeout(answer),
    clear() {
      clearTimeout(answer);
      clearTimeout(total);
    },
  };
}

/** The first KB of an answer as text. A body that breaks off, or is cut for its length or its time, is as good as it got. */
async function readBeginning(body: Dispatcher.ResponseData['body']): Promise<string> {
  const kept = Buffer.alloc(KEPT_ANSWER_BYTES);
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (bytes < KEPT_ANSWER_BYTES) chunk.copy(kept, bytes);
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) break; // which closes the connection
    }
  } catch {
    // the status has told already how the delivery ended
  }
  // streaming: the cut may have split the last character, which is then left out
  return new TextDecoder().decode(kept.subarray(0, bytes), { stream: true });
}

/** What is no http URL at all is as final as an address that is not allowed. */
function isHttpUrl(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

function describeStatus(httpStatus: number): string {
  const redirect = httpStatus >= 300 && httpStatus < 400;
  return redirect ? `answered ${httpStatus}, and redirects are not followed` : `answered ${httpStatus}`;
}

function describeFailure(error: unknown): string {
  if (error instanceof AnswerTimeoutError) return error.message;
  if (error instanceof errors.HTTPParserError) return 'the answer is not HTTP'; // which often has no code
  return describeNetworkError(error, 'delivery failed');
}
