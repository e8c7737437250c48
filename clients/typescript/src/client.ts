import { RingbackError } from './errors.ts';
import type {
  Callback,
  CallbackEndpoint,
  CallbackEndpointList,
  CallbackList,
  CheckAnswer,
  CreateCallbackEndpoint,
  CreateErasure,
  CreateVerification,
  DecisionList,
  Erasure,
  ListCallbacks,
  ListDecisions,
  ListVerifications,
  NewCallbackEndpoint,
  Replay,
  ReplayCallbacks,
  RequestAttempt,
  RotateSecret,
  SearchVerifications,
  Simulation,
  Timeline,
  TimelineEntry,
  UpdateCallbackEndpoint,
  Verification,
  VerificationList,
} from './openapi-types.ts';
import { pause } from './pause.ts';
import {
  type Call,
  type CallOptions,
  type ClientOptions,
  createTransport,
  type IdempotentOptions,
  parseJson,
  readJson,
} from './transport.ts';

/** Less than the 30 s after which many proxies cut a silent request. */
const WAIT_SECONDS = 25;
/** A held answer that comes much earlier without news is from a process that shuts down: not to be asked in a loop. */
const EARLY_MS = 5_000;
const EARLY_PAUSE_MS = 1_000;
/** The service sends something every 15 s. */
const STREAM_IDLE_MS = 45_000;
/** A stream that lasted so long was no failure, although it told nothing. */
const LASTING_MS = 10_000;

export interface Page<Item> {
  data: Item[];
  /** The `cursor` of the next page; null on the last one. */
  next_cursor: string | null;
}

/** A list in pages. Iterating over it asks for one page after the other. */
export interface Listing<Item> extends AsyncIterable<Item> {
  /** The one page that the query names. */
  page(): Promise<Page<Item>>;
}

export interface WaitOptions extends CallOptions {
  /** What to wait for; for the close when absent. A closed verification ends every wait. */
  until?: (verification: Verification) => boolean;
}

export interface EventsOptions extends CallOptions {
  /** Id of an entry: only those after it are told. */
  after?: string;
}

export type Ringback = ReturnType<typeof createRingback>;

/**
 * Builds a client. Its calls throw {@link RingbackError}, or their signal's reason when that is aborted.
 *
 * @throws {TypeError} when the URL is none.
 */
export function createRingback(options: ClientOptions) {
  const transport = createTransport(options);
  const segment = encodeURIComponent;
  const verification = (id: string) => `/v1/verifications/${segment(id)}`;
  const endpoint = (id: string) => `/v1/callback-endpoints/${segment(id)}`;

  const get = <T>(path: string, options: CallOptions, query?: object) =>
    transport.json<T>({ method: 'GET', path, repeatable: true, ...(query && { query }) }, options);
  const post = <T>(path: string, body: object | undefined, repeatable: boolean, options: CallOptions) =>
    transport.json<T>({ method: 'POST', path, repeatable, ...(body && { body }) }, options);
  /** Safe to repeat, because the service knows the request by its key. */
  const postOnce = <T>(path: string, body: object, { idempotencyKey, ...options }: IdempotentOptions) => {
    const headers = { 'idempotency-key': idempotencyKey ?? crypto.randomUUID() };
    return transport.json<T>({ method: 'POST', path, body, headers, repeatable: true }, options);
  };

  /** @param load - loads the page at a cursor; without one, the page that was asked for. */
  function listing<Item>(load: (cursor?: { cursor: string }) => Promise<Page<Item>>): Listing<Item> {
    return {
      page: () => load(),
      async *[Symbol.asyncIterator]() {
        let page = await load();
        yield* page.data;
        while (page.next_cursor !== null) {
          page = await load({ cursor: page.next_cursor });
          yield* page.data;
        }
      },
    };
  }

  /** A verification as it is and after each change, until it is closed. No polling: the service holds the answers. */
  async function* watch(id: string, options: CallOptions = {}): AsyncGenerator<Verification, void> {
    const { timeoutMs = transport.defaultTimeoutMs, signal } = options;
    const path = verification(id);
    let etag: string | null = null;
    for (;;) {
      const startedAt = performance.now();
      const headers = etag === null ? {} : { 'if-none-match': etag, prefer: `wait=${WAIT_SECONDS}` };
      const longest = { ...options, timeoutMs: timeoutMs + WAIT_SECONDS * 1000 };
      const state = await transport.send(
        { method: 'GET', path, headers, repeatable: true },
        longest,
        async (response) => {
          if (response.status === 304) return undefined;
          etag = response.headers.get('etag');
          return readJson<Verification>(response);
        },
      );
      if (state === undefined) {
        if (performance.now() - startedAt < EARLY_MS) await pause(EARLY_PAUSE_MS, signal);
      } else {
        yield state;
        if (state.closed_at !== null) return;
      }
    }
  }

  return {
    /** Submits a verification; it is stored when this resolves, and the code on its way. */
    submit: (body: CreateVerification, options: IdempotentOptions = {}) =>
      postOnce<Verification>('/v1/verifications', body, options),

    /** What a submission would be answered, and why; nothing is stored, counted or sent. */
    simulate: (body: CreateVerification, options: CallOptions = {}) =>
      post<Simulation>('/v1/simulate', body, true, options),

    get: (id: string, options: CallOptions = {}) => get<Verification>(verification(id), options),

    watch,

    /** The verification when it is closed, or as `until` wants it. It ends by its expiry at the latest. */
    async wait(id: string, { until = () => false, ...options }: WaitOptions = {}): Promise<Verification> {
      for await (const state of watch(id, options)) {
        if (state.closed_at !== null || until(state)) return state;
      }
      throw new Error('a watch ends with a closed verification');
    },

    /**
     * Checks the code that the person entered. It is repeated only when the check has certainly not been counted; after a lost
     * answer (`unreachable`, `timeout`, `check-inconclusive`) read the verification, and offer a new code.
     */
    check: (id: string, code: string, options: CallOptions = {}) =>
      post<CheckAnswer>(`${verification(id)}/checks`, { code }, false, options),

    /** Sends another code now: "send it again", or "call me instead" with a `channel`. */
    requestAttempt: (id: string, body: RequestAttempt = {}, options: IdempotentOptions = {}) =>
      postOnce<Verification>(`${verification(id)}/attempts`, body, options),

    /** Closes it; nothing more is sent. */
    cancel: (id: string, options: CallOptions = {}) =>
      post<Verification>(`${verification(id)}/cancel`, undefined, true, options),

    /** Verifications, the newest first. */
    list: (query: ListVerifications = {}, options: CallOptions = {}) =>
      listing((at) => get<VerificationList>('/v1/verifications', options, { ...query, ...at })),

    /** The verifications of a number, the newest first. */
    search: (query: SearchVerifications, options: CallOptions = {}) =>
      listing((at) => post<VerificationList>('/v1/verifications/search', { ...query, ...at }, true, options)),

    /** The story of a verification so far, oldest entry first. */
    async timeline(id: string, options: CallOptions = {}): Promise<TimelineEntry[]> {
      return (await get<Timeline>(`${verification(id)}/timeline`, options)).data;
    },

    /**
     * The story live, from its beginning until nothing more can happen. A connection that is lost is taken up where it ended;
     * `retries` counts those in a row that told nothing.
     */
    async *events(id: string, { after = '', ...options }: EventsOptions = {}): AsyncGenerator<TimelineEntry, void> {
      let last = after;
      for (let tries = 1; ; tries++) {
        const startedAt = performance.now();
        const headers = { accept: 'text/event-stream', ...(last !== '' && { 'last-event-id': last }) };
        const call: Call = { method: 'GET', path: `${verification(id)}/timeline`, headers, repeatable: true };
        try {
          for await (const event of transport.stream(call, STREAM_IDLE_MS, options.signal)) {
            if (event.event === 'end') return;
            last = event.id;
            tries = 1;
            yield parseJson<TimelineEntry>(event.data, 200);
          }
          throw new RingbackError('unreachable', 'the stream ended too early', { problem: undefined });
        } catch (error) {
          if (performance.now() - startedAt > LASTING_MS) tries = 1;
          await transport.waitToRepeat(error, true, tries, options);
        }
      }
    },

    callbacks: {
      /** Callbacks, the newest first, with every delivery. */
      list: (query: ListCallbacks = {}, options: CallOptions = {}) =>
        listing((at) => get<CallbackList>('/v1/callbacks', options, { ...query, ...at })),

      /** Those of one verification, oldest first. */
      async of(verificationId: string, options: CallOptions = {}): Promise<Callback[]> {
        return (await get<CallbackList>(`${verification(verificationId)}/callbacks`, options)).data;
      },

      /** Delivers one again: same `webhook-id`, same bytes. */
      replay: (id: string, options: CallOptions = {}) =>
        post<Callback>(`/v1/callbacks/${segment(id)}/replay`, undefined, true, options),
    },

    callbackEndpoints: {
      /** Registers a target. The answer alone shows its secret, so a lost one is not repeated. */
      create: (body: CreateCallbackEndpoint, options: CallOptions = {}) =>
        post<NewCallbackEndpoint>('/v1/callback-endpoints', body, false, options),

      async list(options: CallOptions = {}): Promise<CallbackEndpoint[]> {
        return (await get<CallbackEndpointList>('/v1/callback-endpoints', options)).data;
      },

      get: (id: string, options: CallOptions = {}) => get<CallbackEndpoint>(endpoint(id), options),

      update: (id: string, body: UpdateCallbackEndpoint, options: CallOptions = {}) =>
        transport.json<CallbackEndpoint>({ method: 'PATCH', path: endpoint(id), body, repeatable: true }, options),

      delete: (id: string, options: CallOptions = {}): Promise<void> =>
        transport.send({ method: 'DELETE', path: endpoint(id), repeatable: false }, options, async () => {}),

      /** Makes a new secret; the old one signs along for a while. The answer alone shows it, so a lost one is not repeated. */
      rotateSecret: (id: string, body: RotateSecret = {}, options: CallOptions = {}) =>
        post<NewCallbackEndpoint>(`${endpoint(id)}/rotate-secret`, body, false, options),

      /** Sends it a test event. */
      test: (id: string, options: CallOptions = {}) =>
        post<Callback>(`${endpoint(id)}/test`, undefined, false, options),

      /** Delivers the callbacks of a time again. */
      replay: (id: string, body: ReplayCallbacks, options: CallOptions = {}) =>
        post<Replay>(`${endpoint(id)}/replay`, body, true, options),
    },

    erasures: {
      /** Erases all that is kept about a number; what is left to erase when this resolves is erased by itself. */
      create: (body: CreateErasure, options: CallOptions = {}) => post<Erasure>('/v1/erasures', body, true, options),

      get: (id: string, options: CallOptions = {}) => get<Erasure>(`/v1/erasures/${segment(id)}`, options),
    },

    /** What was decided about requests and by whom, the newest first. */
    decisions: (query: ListDecisions = {}, options: CallOptions = {}) =>
      listing((at) => get<DecisionList>('/v1/audit', options, { ...query, ...at })),
  };
}
