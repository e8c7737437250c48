import type { LookupFunction } from 'node:net';
import { z } from 'zod';
import type { Channel } from './channel.ts';
import { classifySend, Flag, type SendOutcome } from './classify-send.ts';
import type { Clock, EpochMs } from './clock.ts';
import { currentOrigin } from './origin.ts';
import { createPostOnce, type Exchange } from './post-once.ts';
import { parseRetryAfter } from './retry-after.ts';
import { parseJson } from './signalwire-errors.ts';
import { USER_AGENT } from './version.ts';

export interface SendRequest {
  channel: Channel;
  to: string;
  from?: string;
  /** What stands before the code. */
  message?: string;
  tokenLength: number;
  validForSeconds: number;
  /** Checks that SignalWire allows for this code. */
  maxAttempts: number;
  allowAlphas: boolean;
}

/** What SignalWire says of one code entered. Nothing in it ever holds the code. */
export type VerifyOutcome =
  | { kind: 'right' }
  | { kind: 'wrong' }
  /** Used up, expired, verified before or never known: SignalWire answers 404 for each. */
  | { kind: 'spent' }
  /** SignalWire cannot have counted it. */
  | { kind: 'unavailable'; detail: string; retryAfterMs: number | undefined }
  /** It may have been counted, and may have been right: asking again would prove nothing. */
  | { kind: 'lost'; detail: string };

/** SignalWire's MFA API. Whatever happens is an outcome: nothing is thrown, and nothing is tried twice. */
export interface SignalWireClient {
  /**
   * Makes one try to send a code.
   *
   * @param options - with `leaveWithinMs`, the request leaves within that time from the call or not at all.
   */
  send(request: SendRequest, options: { signal?: AbortSignal; leaveWithinMs?: number }): Promise<SendOutcome>;
  /** Asks whether a code is the one sent under `mfaId`. */
  verify(mfaId: string, code: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<VerifyOutcome>;
  /** Lets requests under way end, within their deadlines. */
  close(): Promise<void>;
}

interface Deps {
  /** Scheme, host and port. */
  baseUrl: string;
  projectKey: string;
  token: string;
  /** Deadline of one try to send, connecting included. */
  timeoutMs: number;
  clock: Clock;
  /** Connections at a time; unlimited when absent. */
  connections?: number;
  /** Half of `timeoutMs`, and 5 s at most, when absent. */
  connectTimeoutMs?: number;
  /** Milliseconds that only ever grow; those of the process when absent. */
  monotonicNow?: () => number;
  /** Resolves host names in place of the operating system. */
  lookup?: LookupFunction;
  /** Whether SignalWire is told which trace a request belongs to. */
  sendTraceparent?: boolean;
}

const MAX_CONNECT_TIMEOUT_MS = 5_000;
/** Answered before the code was looked at. */
const NOT_COUNTED: ReadonlySet<number> = new Set([401, 403, 429, 503]);
/** May have been counted, and proves that the code was not approved. */
const NOT_APPROVED: ReadonlySet<number> = new Set([400, 422]);

const Verified = z.object({ success: Flag });

/**
 * Builds the client of SignalWire's MFA API. It keeps its own connections, verifies TLS and follows no redirect.
 *
 * @see https://signalwire.com/docs/apis/rest/relay-rest/mfa
 */
export function createSignalWireClient(deps: Deps): SignalWireClient {
  const { projectKey, token, timeoutMs, clock } = deps;
  const basic = Buffer.from(`${projectKey}:${token}`).toString('base64');
  const secrets = [basic, token, projectKey];
  const api = createPostOnce({
    origin: deps.baseUrl,
    headers: {
      authorization: `Basic ${basic}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': USER_AGENT,
    },
    connectTimeoutMs: deps.connectTimeoutMs ?? Math.min(MAX_CONNECT_TIMEOUT_MS, Math.ceil(timeoutMs / 2)),
    connections: deps.connections,
    monotonicNow: deps.monotonicNow ?? (() => performance.now()),
    lookup: deps.lookup,
  });

  const traceHeaders = () => {
    const { traceparent } = currentOrigin();
    return deps.sendTraceparent === true && traceparent !== undefined ? { headers: { traceparent } } : {};
  };

  return {
    async send(request, { signal, leaveWithinMs }) {
      const body = {
        to: request.to,
        from: request.from,
        message: request.message,
        token_length: request.tokenLength,
        valid_for: request.validForSeconds,
        max_attempts: request.maxAttempts,
        allow_alphas: request.allowAlphas,
      };
      const exchange = await api.post(`/api/relay/rest/mfa/${request.channel}`, body, {
        timeoutMs,
        leaveWithinMs,
        signal,
        ...traceHeaders(),
      });
      return classifySend(exchange, { now: clock.now(), secrets });
    },

    async verify(mfaId, code, options) {
      const path = `/api/relay/rest/mfa/${encodeURIComponent(mfaId)}/verify`;
      const exchange = await api.post(
        path,
        { token: code },
        {
          timeoutMs: options.timeoutMs,
          signal: options.signal,
          ...traceHeaders(),
        },
      );
      return classifyVerify(exchange, clock.now());
    },

    close: () => api.close(),
  };
}

/** Details name the status only: a body might echo the code. */
function classifyVerify(exchange: Exchange, now: EpochMs): VerifyOutcome {
  if (exchange.kind === 'not_written') {
    return { kind: 'unavailable', detail: `SignalWire was not reached: ${exchange.cause}`, retryAfterMs: undefined };
  }
  if (exchange.kind === 'unanswered')
    return { kind: 'lost', detail: `SignalWire's answer was lost: ${exchange.cause}` };
  const { httpStatus, body = '' } = exchange;
  const detail = `SignalWire answered ${httpStatus}`;
  if (httpStatus >= 200 && httpStatus < 300) {
    const verified = Verified.safeParse(parseJson(body));
    if (!verified.success) return { kind: 'lost', detail: `${detail} without a readable result` };
    return { kind: verified.data.success ? 'right' : 'wrong' };
  }
  if (httpStatus === 404) return { kind: 'spent' };
  if (NOT_APPROVED.has(httpStatus)) return { kind: 'wrong' };
  if (NOT_COUNTED.has(httpStatus)) {
    return { kind: 'unavailable', detail, retryAfterMs: parseRetryAfter(exchange.retryAfter, now) };
  }
  return { kind: 'lost', detail };
}
