import type { LookupFunction } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import { NETWORK_ERRORS } from './network-errors.ts';

/**
 * What became of one POST. The difference that counts is whether it may have been written to the connection:
 * `not_written` is certain, and `unanswered` means that the other side may have acted on it.
 */
export type Exchange =
  | {
      kind: 'answered';
      httpStatus: number;
      /** undefined when the body was cut off, too large or too slow; the status holds all the same. */
      body: string | undefined;
      /** The `Retry-After` header as it came. */
      retryAfter: string | undefined;
    }
  | { kind: 'not_written'; cause: string }
  | { kind: 'unanswered'; cause: string };

export interface PostOptions {
  /** For the whole of it: waiting for a connection, connecting, writing, reading. */
  timeoutMs: number;
  /** The request is written within this time from the call or not at all; `timeoutMs` when absent. */
  leaveWithinMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Beside those of every request. */
  headers?: Record<string, string> | undefined;
}

export interface PostOnce {
  post(path: string, body: unknown, options: PostOptions): Promise<Exchange>;
  /** Lets what is under way end, then closes every connection. A later `post` is not written. */
  close(): Promise<void>;
}

interface Deps {
  /** Scheme, host and port. */
  origin: string;
  headers: Record<string, string>;
  connectTimeoutMs: number;
  /** Connections at a time; a request beyond them waits for one. Unlimited when absent. */
  connections?: number | undefined;
  /** Milliseconds that only ever grow. */
  monotonicNow: () => number;
  /** Resolves host names in place of the operating system. */
  lookup?: LookupFunction | undefined;
}

/** Far more than any answer of SignalWire's API. */
const MAX_BODY_BYTES = 64 * 1024;
/** Shorter than the 5 s after which common servers drop an idle connection, so that we drop it first. */
const KEEP_ALIVE_MS = 2_000;
/** How a kept connection ends that the other side has dropped. */
const DROPPED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

/**
 * Builds a client for JSON POSTs that are written at most once and of which it is known whether they were written.
 *
 * It rests on undici calling `onRequestStart` synchronously before the first byte goes to a connected (over TLS:
 * verified) socket, and on its never writing a request again that is not idempotent and not pipelined.
 */
export function createPostOnce(deps: Deps): PostOnce {
  const { monotonicNow } = deps;
  const pool = new Pool(deps.origin, {
    connections: deps.connections ?? null,
    connectTimeout: deps.connectTimeoutMs,
    pipelining: 1,
    allowH2: false, // over HTTP/2 onRequestStart would not mean the same
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS, // a server's hint may only shorten it
    headersTimeout: 0, // one deadline holds for the whole of it
    bodyTimeout: 0,
    connect: {
      rejectUnauthorized: true, // whatever NODE_TLS_REJECT_UNAUTHORIZED says
      ...(deps.lookup !== undefined && { lookup: deps.lookup }),
    },
  });
  const underWay = new Set<Promise<Exchange>>();
  let closing = false;

  function exchange(request: Dispatcher.DispatchOptions, options: PostOptions): Promise<Exchange> {
    const { timeoutMs, leaveWithinMs = timeoutMs, signal } = options;
    return new Promise((resolve) => {
      const startedAt = monotonicNow();
      const leaveBy = startedAt + Math.min(leaveWithinMs, timeoutMs);
      let over = false;
      let controller: Dispatcher.DispatchController | undefined; // set once the request is written
      let redispatched = false;
      let answer: { httpStatus: number; retryAfter: string | undefined } | undefined;
      const chunks: Buffer[] = [];
      let size = 0;

      const end = (result: Exchange) => {
        over = true;
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        resolve(result);
      };
      const fail = (cause: string) => {
        if (over) return;
        if (answer !== undefined) end({ kind: 'answered', ...answer, body: undefined });
        else end({ kind: controller === undefined ? 'not_written' : 'unanswered', cause });
        controller?.abort(new Error(cause)); // closes the connection
      };
      const onAbort = () => fail('canceled');
      let timer = setTimeout(() => fail('timeout'), leaveBy - startedAt);
      signal?.addEventListener('abort', onAbort, { once: true });

      const handler: Dispatcher.DispatchHandler = {
        onRequestStart(control) {
          const now = monotonicNow();
          // A process that was stopped may get its connection before its timer.
          if (!over && now >= leaveBy) fail('timeout');
          if (over) {
            control.abort(new Error('given up before it was written'));
            return;
          }
          controller = control;
          clearTimeout(timer);
          // a process that was stopped meets its timer before the answer that has come meanwhile: that is read first
          timer = setTimeout(() => setImmediate(() => fail('timeout')), startedAt + timeoutMs - now);
        },
        onResponseStart(_, httpStatus, headers) {
          if (httpStatus < 200) return; // 102 and 103 come before the answer
          const value = headers['retry-after'];
          answer = { httpStatus, retryAfter: Array.isArray(value) ? value[0] : value };
        },
        onResponseData(_, chunk) {
          size += chunk.length;
          if (size > MAX_BODY_BYTES) fail('too large');
          else chunks.push(chunk);
        },
        onResponseEnd() {
          if (over || answer === undefined) return;
          end({ kind: 'answered', ...answer, body: new TextDecoder().decode(Buffer.concat(chunks)) });
        },
        onResponseError(_, error) {
          const cause = codeOf(error);
          if (controller === undefined && !over && !redispatched && DROPPED.has(cause)) {
            // The kept connection that it waited for was dropped. Nothing is written yet, so a new one may carry it.
            redispatched = true;
            queueMicrotask(() => pool.dispatch(request, handler)); // undici is still emptying its queue
            return;
          }
          fail(NETWORK_ERRORS[cause] ?? cause);
        },
      };
      pool.dispatch(request, handler);
    });
  }

  return {
    async post(path, body, options) {
      if (closing) return { kind: 'not_written', cause: 'closed' };
      if (options.signal?.aborted) return { kind: 'not_written', cause: 'canceled' };
      const request: Dispatcher.DispatchOptions = {
        method: 'POST',
        path,
        headers: { ...deps.headers, ...options.headers },
        body: JSON.stringify(body),
      };
      const result = exchange(request, options);
      underWay.add(result);
      try {
        return await result;
      } finally {
        underWay.delete(result);
      }
    },

    async close() {
      closing = true;
      await Promise.all(underWay);
      await pool.destroy(); // not close(): it would wait for connections that nobody needs any more
    },
  };
}

/** Node's and undici's own name of an error; its message may hold addresses. */
function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
