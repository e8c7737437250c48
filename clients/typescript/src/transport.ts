import { errorFromAnswer, RingbackError } from './errors.ts';
import { pause } from './pause.ts';
import { readEvents, type ServerSentEvent } from './read-events.ts';
import { retryInMs } from './retry.ts';

export interface ClientOptions {
  /** Where Ringback answers, such as `https://verify.example.com`. */
  url: string;
  /** The secret of an API key. */
  apiKey: string;
  /** Longest wait for the answer to one try, in milliseconds (15000: a check takes up to 10 s). */
  timeoutMs?: number;
  /** How often a failed call is repeated at most (4), when repeating can help and does no harm. */
  retries?: number;
  /** Another fetch, for a proxy or a test. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface CallOptions {
  /** Ends the call, its waits and its retries; it then throws the signal's reason. */
  signal?: AbortSignal;
  /** Instead of the client's. */
  timeoutMs?: number;
  /** Instead of the client's. */
  retries?: number;
}

export interface IdempotentOptions extends CallOptions {
  /** Names the request for 24 h; a random one when absent. Give one to be safe from repeats of your own, too. */
  idempotencyKey?: string;
}

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  query?: object;
  body?: object;
  headers?: Record<string, string>;
  /** Whether doing it twice does no harm. */
  repeatable: boolean;
}

/** Builds the way to the service: one authenticated request at a time, repeated as `retry.ts` allows. */
export function createTransport({
  url,
  apiKey,
  timeoutMs: defaultTimeoutMs = 15_000,
  retries: defaultRetries = 4,
  fetch,
}: ClientOptions) {
  const base = new URL(url).href.replace(/\/+$/, '');
  const doFetch = fetch ?? ((target, init) => globalThis.fetch(target, init));

  /** What to throw for whatever a request threw: the reason of an abort, an error of ours, or no answer. */
  function explain(error: unknown, timeout: AbortSignal, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    if (error instanceof RingbackError) return error;
    const details = { problem: undefined, cause: error };
    if (timeout.aborted) return new RingbackError('timeout', 'no answer came in time', details);
    return new RingbackError('unreachable', 'the connection failed or was lost', details);
  }

  /**
   * Makes one request.
   *
   * @param timeout - aborts it, and the reading of its answer.
   * @param read - what to do with an answer of 2xx, or a 304.
   */
  async function tryOnce<T>(
    { method, path, query = {}, body, headers }: Call,
    timeout: AbortSignal,
    signal: AbortSignal | undefined,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const target = new URL(base + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    try {
      const response = await doFetch(target.href, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body && { body: JSON.stringify(body) }),
        signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
        redirect: 'manual', // the key is for this address only
      });
      if (!response.ok && response.status !== 304) throw errorFromAnswer(response, await response.text());
      return await read(response);
    } catch (error) {
      throw explain(error, timeout, signal);
    }
  }

  /** Waits as long as there has to be between a failed try and the next one; throws its error when there is to be none. */
  async function waitToRepeat(error: unknown, repeatable: boolean, tries: number, options: CallOptions): Promise<void> {
    const { retries = defaultRetries, signal } = options;
    if (tries > retries || !(error instanceof RingbackError)) throw error;
    const waitMs = retryInMs(error, repeatable, tries, Math.random());
    if (waitMs === undefined) throw error;
    await pause(waitMs, signal);
  }

  /** Makes a request until it is answered, and reads the answer. */
  async function send<T>(call: Call, options: CallOptions, read: (response: Response) => Promise<T>): Promise<T> {
    const { timeoutMs = defaultTimeoutMs, signal } = options;
    for (let tries = 1; ; tries++) {
      try {
        return await tryOnce(call, AbortSignal.timeout(timeoutMs), signal, read);
      } catch (error) {
        await waitToRepeat(error, call.repeatable, tries, options);
      }
    }
  }

  return {
    defaultTimeoutMs,
    waitToRepeat,
    send,
    json: <T>(call: Call, options: CallOptions) => send(call, options, readJson<T>),

    /**
     * Reads Server-Sent Events from one connection, until it ends. An answer without content is told as an event `end`.
     *
     * @param idleMs - a connection that is silent for so long counts as lost.
     */
    async *stream(call: Call, idleMs: number, signal: AbortSignal | undefined): AsyncGenerator<ServerSentEvent> {
      const idle = new AbortController();
      let timer = setTimeout(() => idle.abort(), idleMs);
      try {
        const { body } = await tryOnce(call, idle.signal, signal, async (response) => response);
        if (body === null) yield { id: '', event: 'end', data: '{}' };
        else
          yield* readEvents(body, () => {
            clearTimeout(timer);
            timer = setTimeout(() => idle.abort(), idleMs);
          });
      } catch (error) {
        throw explain(error, idle.signal, signal);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** @throws {RingbackError} `unexpected-answer` */
export function parseJson<T>(text: string, status: number): T {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RingbackError('unexpected-answer', 'the answer is not JSON', { problem: undefined, status, cause });
  }
}

export async function readJson<T>(response: Response): Promise<T> {
  return parseJson(await response.text(), response.status);
}
