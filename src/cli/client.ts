import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { callbackView } from '../shared/callback-view.ts';
import { describeNetworkError } from '../shared/network-errors.ts';
import type { VerificationView } from '../shared/verification-view.ts';
import { USER_AGENT } from '../shared/version.ts';
import type { Context } from './command.ts';
import { findConnection } from './connection.ts';
import { readEvents } from './read-events.ts';

export type Verification = VerificationView;
export type Callback = ReturnType<typeof callbackView>;

/** An entry of a timeline; its type may be one that this program does not know. */
const TimelineEntry = z.object({
  id: z.string(),
  at: z.string(),
  type: z.string(),
  text: z.string(),
  data: z.unknown(),
});
type TimelineEntry = z.infer<typeof TimelineEntry>;

const Problem = z.object({ code: z.string(), detail: z.string() });

interface Page<Item> {
  data: readonly Item[];
  next_cursor: string | null;
}

interface Options {
  signal?: AbortSignal;
}

interface Asking extends Options {
  body?: object;
  query?: Readonly<Record<string, string | number | undefined>>;
  headers?: Readonly<Record<string, string>>;
}

/** The API answered with a problem. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly status: number;
  /** The problem's; it is what to branch on. */
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** There was no answer. The message says why, without an address. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

const RECONNECT_MS = 1_000;
/** So many connections in a row that told nothing, and the stream is given up. */
const MAX_SILENT_CONNECTIONS = 5;

export type Ringback = Awaited<ReturnType<typeof connect>>;

/**
 * Builds a client of the API that the environment names. Its calls reject with {@link RefusedError},
 * {@link UnreachableError}, or what their signal was aborted with.
 *
 * @throws {UsageError} when there is no key, or the address is none.
 */
export async function connect({ env, apiKeyFile }: Pick<Context, 'env' | 'apiKeyFile'>) {
  const { url, apiKey } = await findConnection(env, apiKeyFile);

  async function ask(method: string, path: string, { body, query = {}, headers, signal }: Asking): Promise<Response> {
    const target = new URL(path, url);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) target.searchParams.set(name, String(value));
    let response: Response;
    try {
      response = await fetch(target, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          'user-agent': USER_AGENT,
          ...(body && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ?? null,
        redirect: 'error', // the key is for this address only
      });
    } catch (error) {
      throw unreachable((error as Error).cause, signal);
    }
    if (response.ok) return response;
    const problem = Problem.safeParse(await response.json().catch(() => undefined));
    const { code, detail } = problem.data ?? { code: 'unknown', detail: 'that is no answer of Ringback' };
    throw new RefusedError(response.status, code, detail);
  }

  async function call<T>(method: string, path: string, asking: Asking = {}): Promise<T> {
    const response = await ask(method, path, asking);
    return response.json().catch((error) => {
      throw unreachable(error, asking.signal);
    }) as Promise<T>;
  }

  const one = (id: string) => `/v1/verifications/${encodeURIComponent(id)}`;
  return {
    submit: (body: object, options: Options) => call<Verification>('POST', '/v1/verifications', { body, ...options }),
    get: (id: string, options: Options) => call<Verification>('GET', one(id), options),
    check: (id: string, code: string, options: Options) =>
      call('POST', `${one(id)}/checks`, { body: { code }, ...options }),
    requestAttempt: (id: string, channel: 'sms' | 'call' | undefined, options: Options) =>
      call('POST', `${one(id)}/attempts`, { body: { channel }, ...options }),
    cancel: (id: string, options: Options) => call('POST', `${one(id)}/cancel`, options),
    list: (query: Asking['query'] & object, options: Options) =>
      call<Page<Verification>>('GET', '/v1/verifications', { query, ...options }),
    search: (body: object, options: Options) =>
      call<Page<Verification>>('POST', '/v1/verifications/search', { body, ...options }),
    callbacks: (query: Asking['query'] & object, options: Options) =>
      call<Page<Callback>>('GET', '/v1/callbacks', { query, ...options }),
    callbacksOf: (id: string, options: Options) => call<Page<Callback>>('GET', `${one(id)}/callbacks`, options),
    replayCallback: (id: string, options: Options) =>
      call<Callback>('POST', `/v1/callbacks/${encodeURIComponent(id)}/replay`, options),

    /** The timeline, live until nothing more can happen; a connection that is lost is taken up where it ended. */
    async *follow(id: string, { signal }: Options): AsyncGenerator<TimelineEntry> {
      let last = '';
      for (let silent = 0; silent < MAX_SILENT_CONNECTIONS; silent++) {
        if (silent > 0) await delay(RECONNECT_MS, undefined, { ...(signal && { signal }) });
        const headers = { accept: 'text/event-stream', ...(last !== '' && { 'last-event-id': last }) };
        const response = await ask('GET', `${one(id)}/timeline`, { headers, ...(signal && { signal }) });
        if (response.body === null) return; // 204: it is over
        try {
          for await (const { id: place, event, data } of readEvents(response.body)) {
            if (event === 'end') return;
            yield TimelineEntry.parse(JSON.parse(data));
            [last, silent] = [place, 0];
          }
        } catch (error) {
          if (signal?.aborted || !(error instanceof TypeError)) throw error; // fetch's word for a lost connection
        }
      }
      throw new UnreachableError('the stream ended again and again');
    },
  };
}

function unreachable(cause: unknown, signal: AbortSignal | undefined): unknown {
  return signal?.aborted ? signal.reason : new UnreachableError(describeNetworkError(cause, 'no connection'));
}
