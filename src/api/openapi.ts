import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiExampleObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { EventType } from '../shared/callback-endpoint.ts';
import { VERSION } from '../shared/version.ts';
import type { EndpointSchemas } from './callback-endpoints.ts';
import { CreateErasure } from './erase-number.ts';
import { SIMULATION_EXAMPLES, TIMELINE_EXAMPLE } from './examples.ts';
import { ListAudit } from './list-audit.ts';
import { ListCallbacks } from './list-callbacks.ts';
import { ListVerifications, SearchVerifications } from './list-verifications.ts';
import { problemExample } from './problem-texts.ts';
import { PROBLEMS, type ProblemCode } from './problems.ts';
import { requiredScope } from './required-scope.ts';
import {
  budgetEvent,
  Callback,
  CallbackEndpoint,
  CallbackEndpointList,
  CallbackList,
  CheckAnswer,
  DecisionList,
  Erasure,
  endpointEvent,
  NewCallbackEndpoint,
  Problem,
  Replay,
  type RequestSchemas,
  Simulation,
  Timeline,
  Verification,
  VerificationList,
  verificationEvent,
} from './schemas.ts';

const SUBMISSION_EXAMPLE = {
  to: '+14045550123',
  workflow: [{ channel: 'sms', timeout: 45 }, { channel: 'call' }],
  reference: 'login-8812',
};

const SECURITY =
  'An API key: one that `ringback keys create` made, for the calls that its scopes allow, or a secret of the setting `API_KEYS`, for all of them.';

/** What is no request that can be read, whatever it was to be. */
const UNREADABLE: ProblemCode[] = ['malformed-request', 'request-timeout', 'headers-too-large'];
/** Problems that any call with an API key may answer. */
const COMMON: ProblemCode[] = [
  ...UNREADABLE,
  'unauthorized',
  'forbidden',
  'not-found',
  'internal-error',
  'unavailable',
];
/** Those of a call with a body. */
const WITH_BODY: ProblemCode[] = ['malformed-json', 'body-too-large', 'unsupported-media-type', 'invalid-request'];

/** Those of a call that takes an idempotency key. */
const IDEMPOTENT: ProblemCode[] = ['idempotency-key-in-use', 'idempotency-key-reused'];

const IdempotencyKey = z.object({
  'idempotency-key': z.string().max(255).optional().meta({
    description: 'Names the request: repeated within 24 h with the same body, it is answered alike and done once.',
  }),
});

/** draft-ietf-httpapi-ratelimit-headers */
const RateLimitHeaders = z.object({
  'ratelimit-policy': z
    .string()
    .optional()
    .meta({
      description: 'The limits that apply, one policy for each window: how many (`q`) within how many seconds (`w`).',
      examples: ['"number:10m";q=5;w=600, "number:1d";q=10;w=86400'],
    }),
  ratelimit: z
    .string()
    .optional()
    .meta({
      description: 'What is left of each (`r`), and the seconds until more of it comes back (`t`).',
      examples: ['"number:10m";r=4;t=600, "number:1d";r=9;t=86400'],
    }),
});
const RetryAfter = z.string().meta({ description: 'Seconds until the request may be repeated.' });

/** The first event of a timeline, and its last. */
const STREAM_EXAMPLE = `id: ${TIMELINE_EXAMPLE.id}\nevent: ${TIMELINE_EXAMPLE.type}\ndata: ${JSON.stringify(TIMELINE_EXAMPLE)}\n\nevent: end\ndata: {}\n\n`;

/** By their id they become components, so that the document holds each once. */
const PROBLEM_EXAMPLES = Object.fromEntries(
  (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => [
    code,
    { id: code, summary: PROBLEMS[code].title, value: problemExample(code) },
  ]),
) as Record<ProblemCode, ZodOpenApiExampleObject>;

/** What signs and names a callback: https://www.standardwebhooks.com */
const CallbackHeaders = z.object({
  'webhook-id': z.string().meta({ description: "The event's id, the same for every delivery and replay." }),
  'webhook-timestamp': z.string().meta({ description: 'When this delivery was made, Unix seconds.' }),
  'webhook-signature': z.string().meta({ description: '`v1,` and the base64 HMAC-SHA256; several during a rotation.' }),
  traceparent: z
    .string()
    .optional()
    .meta({ description: 'The trace that it belongs to (W3C Trace Context), when there is one; not signed.' }),
});

/** The OpenAPI 3.1 document, made from the very schemas that check requests. */
export function createOpenApi(schemas: RequestSchemas & EndpointSchemas) {
  return withScopes(describe(schemas));
}

function describe(schemas: RequestSchemas & EndpointSchemas) {
  const endpointId = {
    requestParams: { path: z.object({ id: z.string().meta({ description: 'Id of the endpoint.' }) }) },
  };
  const id = { requestParams: { path: z.object({ id: z.string().meta({ description: 'Id of the verification.' }) }) } };
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Ringback',
      version: VERSION,
      summary: 'Phone verification in front of SignalWire.',
      description: 'Submit a verification; the code is texted, and called in when the text does not get through.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }],
    tags: [
      {
        name: 'verifications',
        description: 'Submit one, check the code that the person entered, send another, cancel.',
      },
      { name: 'callbacks', description: 'What was reported to your server, and how each delivery went.' },
      { name: 'erasures', description: 'What a person may ask for: that nothing about their number is kept.' },
      { name: 'decisions', description: 'What limits and rules have against a request, and why.' },
      { name: 'health', description: 'For probes; no API key needed.' },
    ],
    components: {
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: SECURITY } },
    },
    paths: {
      '/v1/verifications': {
        post: {
          ...operation('createVerification', 'Submit a verification', 'verifications'),
          requestParams: { header: IdempotencyKey },
          requestBody: json(schemas.CreateVerification, SUBMISSION_EXAMPLE),
          responses: {
            '200': { description: 'The open verification that `if_active: return` asked for.', ...json(Verification) },
            '202': {
              description: 'Stored; the first code is on its way.',
              headers: RateLimitHeaders.extend({
                location: z.string().meta({ description: 'Path of the verification.' }),
              }),
              ...json(Verification),
            },
            ...problems([...COMMON, ...WITH_BODY, ...IDEMPOTENT, 'verification-active', 'rate-limited']),
          },
        },
        get: {
          ...operation('listVerifications', 'Verifications, the newest first', 'verifications'),
          requestParams: { query: ListVerifications },
          responses: {
            '200': { description: 'A page of them.', ...json(VerificationList) },
            ...problems([...COMMON, 'invalid-request']),
          },
        },
      },
      '/v1/verifications/search': {
        post: {
          ...operation('searchVerifications', 'Find the verifications of a number', 'verifications'),
          requestBody: json(SearchVerifications, { to: '+14045550123' }),
          responses: {
            '200': { description: 'Newest first.', ...json(VerificationList) },
            ...problems([...COMMON, ...WITH_BODY]),
          },
        },
      },
      '/v1/verifications/{id}': {
        get: {
          ...operation('getVerification', 'Read a verification', 'verifications'),
          requestParams: {
            ...id.requestParams,
            header: z.object({
              prefer: z.string().optional().meta({
                description:
                  '`wait=1` to `wait=60`: hold the answer until it differs from If-None-Match, or without it until it is closed.',
              }),
              'if-none-match': z.string().optional().meta({ description: 'An `ETag` from before.' }),
            }),
          },
          responses: {
            '200': {
              description: 'The verification.',
              headers: z.object({
                etag: z.string().meta({ description: 'Names this state.' }),
                'preference-applied': z.string().optional(),
              }),
              ...json(Verification),
            },
            '304': { description: 'It has not changed.' },
            ...problems([...COMMON, 'invalid-request']),
          },
        },
      },
      '/v1/verifications/{id}/checks': {
        post: {
          ...operation('checkCode', 'Check a code that the person entered', 'verifications'),
          ...id,
          requestBody: json(schemas.CheckCode, { code: '123456' }),
          responses: {
            '200': { description: 'The code was checked; `approved` says whether it was right.', ...json(CheckAnswer) },
            ...problems([
              ...COMMON,
              ...WITH_BODY,
              'no-code-sent',
              'no-live-code',
              'verification-closed',
              'checks-in-flight',
              'rate-limited',
              'provider-unavailable',
              'check-inconclusive',
            ]),
          },
        },
      },
      '/v1/verifications/{id}/attempts': {
        post: {
          ...operation('requestAttempt', 'Send another code now', 'verifications'),
          requestParams: { ...id.requestParams, header: IdempotencyKey },
          requestBody: { ...json(schemas.RequestAttempt, { channel: 'call' }), required: false },
          responses: {
            '202': { description: 'Another attempt is queued.', headers: RateLimitHeaders, ...json(Verification) },
            ...problems([
              ...COMMON,
              ...WITH_BODY,
              ...IDEMPOTENT,
              'attempt-in-progress',
              'no-step-left',
              'send-limit',
              'too-little-time',
              'verification-closed',
              'cooldown',
              'rate-limited',
              'forbidden',
            ]),
          },
        },
      },
      '/v1/verifications/{id}/cancel': {
        post: {
          ...operation('cancelVerification', 'Close a verification; nothing more is sent', 'verifications'),
          ...id,
          responses: {
            '200': { description: 'It is canceled, now or before.', ...json(Verification) },
            ...problems([...COMMON, ...WITH_BODY, 'verification-closed']),
          },
        },
      },
      '/v1/verifications/{id}/timeline': {
        get: {
          ...operation('getTimeline', 'The story of a verification, fact by fact', 'verifications'),
          requestParams: {
            ...id.requestParams,
            query: z.object({
              after: z.string().optional().meta({
                description: 'For the stream: id of the last entry that is known, where Last-Event-ID cannot be sent.',
              }),
            }),
            header: z.object({
              'last-event-id': z.string().optional().meta({
                description: 'For the stream: id of the last entry that is known; those after it are sent.',
              }),
            }),
          },
          responses: {
            '200': {
              description:
                'Oldest first. With `Accept: text/event-stream` each entry is an event (`id`, `event` its type, `data` the entry as JSON), sent as it happens; the event `end` says that nothing follows.',
              content: {
                ...json(Timeline).content,
                'text/event-stream': {
                  schema: z.string().meta({ description: 'Server-Sent Events.', examples: [STREAM_EXAMPLE] }),
                },
              },
            },
            '204': { description: 'To a stream that is taken up again: nothing follows, stay away.' },
            ...problems([...COMMON, 'invalid-request']),
          },
        },
      },
      '/v1/verifications/{id}/callbacks': {
        get: {
          ...operation(
            'listVerificationCallbacks',
            'The callbacks of a verification and their deliveries',
            'callbacks',
          ),
          ...id,
          responses: { '200': { description: 'Oldest first.', ...json(CallbackList) }, ...problems(COMMON) },
        },
      },
      '/v1/simulate': {
        post: {
          ...operation('simulateVerification', 'What a submission would be answered, and why', 'verifications'),
          description: 'Takes what a submission takes; stores, counts and sends nothing.',
          requestBody: json(schemas.CreateVerification, SUBMISSION_EXAMPLE),
          responses: {
            '200': {
              description: 'What would happen at this moment.',
              content: {
                'application/json': {
                  schema: Simulation,
                  examples: Object.fromEntries(
                    Object.entries(SIMULATION_EXAMPLES).map(([outcome, value]) => [outcome, { value }]),
                  ),
                },
              },
            },
            ...problems([...COMMON, ...WITH_BODY]),
          },
        },
      },
      '/v1/erasures': {
        post: {
          ...operation('eraseNumber', 'Erase all that is kept about a number', 'erasures'),
          requestBody: json(CreateErasure, { to: '+14045550123' }),
          responses: {
            '202': {
              description: 'It is recorded and will be done; an open verification is canceled already.',
              headers: z.object({ location: z.string().meta({ description: 'Path of the erasure.' }) }),
              ...json(Erasure),
            },
            ...problems([...COMMON, ...WITH_BODY]),
          },
        },
      },
      '/v1/erasures/{id}': {
        get: {
          ...operation('getErasure', 'Read an erasure', 'erasures'),
          requestParams: { path: z.object({ id: z.string().meta({ description: 'Id of the erasure.' }) }) },
          responses: { '200': { description: 'The erasure.', ...json(Erasure) }, ...problems(COMMON) },
        },
      },
      '/v1/audit': {
        get: {
          ...operation('listDecisions', 'What was decided about your requests and why, the newest first', 'decisions'),
          requestParams: { query: ListAudit },
          responses: {
            '200': { description: 'A page of decisions.', ...json(DecisionList) },
            ...problems([...COMMON, 'invalid-request']),
          },
        },
      },
      '/v1/callbacks': {
        get: {
          ...operation('listCallbacks', 'Callbacks, the newest first', 'callbacks'),
          requestParams: { query: ListCallbacks },
          responses: {
            '200': { description: 'A page of them.', ...json(CallbackList) },
            ...problems([...COMMON, 'invalid-request']),
          },
        },
      },
      '/v1/callback-endpoints': {
        post: {
          ...operation('createCallbackEndpoint', 'Register a target of callbacks', 'callbacks'),
          requestBody: json(schemas.CreateCallbackEndpoint, { url: 'https://client.example/hooks/ringback' }),
          responses: {
            '201': {
              description: 'It is told of what happens from now on.',
              headers: z.object({ location: z.string().meta({ description: 'Path of the endpoint.' }) }),
              ...json(NewCallbackEndpoint),
            },
            ...problems([...COMMON, ...WITH_BODY, 'endpoint-limit']),
          },
        },
        get: {
          ...operation('listCallbackEndpoints', 'The registered targets', 'callbacks'),
          responses: { '200': { description: 'Oldest first.', ...json(CallbackEndpointList) }, ...problems(COMMON) },
        },
      },
      '/v1/callback-endpoints/{id}': {
        get: {
          ...operation('getCallbackEndpoint', 'Read a target', 'callbacks'),
          ...endpointId,
          responses: { '200': { description: 'The endpoint.', ...json(CallbackEndpoint) }, ...problems(COMMON) },
        },
        patch: {
          ...operation('updateCallbackEndpoint', 'Change a target, disable or enable it', 'callbacks'),
          ...endpointId,
          requestBody: json(schemas.UpdateCallbackEndpoint, { disabled: false }),
          responses: {
            '200': { description: 'The endpoint.', ...json(CallbackEndpoint) },
            ...problems([...COMMON, ...WITH_BODY]),
          },
        },
        delete: {
          ...operation('deleteCallbackEndpoint', 'Delete a target', 'callbacks'),
          ...endpointId,
          responses: { '204': { description: 'It gets nothing more.' }, ...problems(COMMON) },
        },
      },
      '/v1/callback-endpoints/{id}/rotate-secret': {
        post: {
          ...operation('rotateCallbackSecret', 'Make a new secret; the old one signs along for a while', 'callbacks'),
          ...endpointId,
          requestBody: { ...json(schemas.RotateSecret, { expires_in: 86_400 }), required: false },
          responses: {
            '200': { description: 'The endpoint with its new secret.', ...json(NewCallbackEndpoint) },
            ...problems([...COMMON, ...WITH_BODY]),
          },
        },
      },
      '/v1/callback-endpoints/{id}/test': {
        post: {
          ...operation('testCallbackEndpoint', 'Send a test event', 'callbacks'),
          ...endpointId,
          responses: {
            '202': { description: 'It is on its way.', ...json(Callback) },
            ...problems([...COMMON, ...WITH_BODY]),
          },
        },
      },
      '/v1/callback-endpoints/{id}/replay': {
        post: {
          ...operation('replayCallbacks', 'Deliver the callbacks of a time again', 'callbacks'),
          ...endpointId,
          requestBody: json(schemas.ReplayCallbacks, { since: '2026-11-23T00:00:00Z' }),
          responses: {
            '202': { description: 'They are delivered again.', ...json(Replay) },
            ...problems([...COMMON, ...WITH_BODY]),
          },
        },
      },
      '/v1/callbacks/{id}/replay': {
        post: {
          ...operation('replayCallback', 'Deliver a callback again: same webhook-id, same bytes', 'callbacks'),
          requestParams: { path: z.object({ id: z.string().meta({ description: 'Id of the callback.' }) }) },
          responses: {
            '202': { description: 'It is delivered again.', ...json(Callback) },
            ...problems([...COMMON, ...WITH_BODY]),
          },
        },
      },
      '/livez': { get: probe('livez', 'Whether the process answers', { 200: { status: 'alive' } }) },
      '/readyz': {
        get: probe('readyz', 'Whether it can serve: Redis answers and it is not shutting down', {
          200: { status: 'ready', redis: 'ok', degraded: [] },
          503: {
            status: 'unavailable',
            redis: 'unreachable',
            detail: 'Redis is connected and did not answer within 1 s',
            degraded: [],
          },
        }),
      },
    },
    webhooks: Object.fromEntries(EventType.options.map((type) => [type, { post: webhook(type) }])),
  });
}

/** A callback, as the document tells it. */
function webhook(type: EventType): ZodOpenApiOperationObject {
  const about = /^verification\.(attempt\.|fallback$)/.test(type);
  const schema = type.startsWith('verification.')
    ? verificationEvent(type, about)
    : type === 'budget.reached'
      ? budgetEvent(type)
      : endpointEvent(type);
  return {
    ...operation(`on${pascalCase(type)}`, `Callback: ${type}`, 'callbacks'),
    security: [],
    requestParams: { header: CallbackHeaders },
    requestBody: json(schema),
    responses: { '2XX': { description: 'Taken.' }, '410': { description: 'Send no more.' } },
  };
}

function pascalCase(text: string): string {
  return text.replaceAll(/(?:^|[._])(\w)/g, (_match, letter: string) => letter.toUpperCase());
}

/** Names the scope that each call of `/v1` takes, as it is enforced. */
function withScopes(document: ReturnType<typeof describe>) {
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    if (!path.startsWith('/v1/')) continue;
    for (const method of ['get', 'post', 'put', 'patch', 'delete'] as const) {
      const call = item[method];
      if (call === undefined) continue;
      const scope = requiredScope(method, path);
      call.security = [{ apiKey: [scope] }];
      call.description = [call.description, `Takes the scope \`${scope}\`.`].filter(Boolean).join(' ');
    }
  }
  return document;
}

function operation(operationId: string, summary: string, tag: string) {
  return { operationId, summary, tags: [tag] };
}

function json(schema: z.ZodType, example?: unknown) {
  return { content: { 'application/json': { schema, ...(example !== undefined && { example }) } } };
}

/** Problem answers, several codes of one status together. */
function problems(codes: readonly ProblemCode[]): ZodOpenApiResponsesObject {
  const responses: ZodOpenApiResponsesObject = {};
  const statuses = new Set(codes.map((code) => PROBLEMS[code].status));
  for (const status of statuses) {
    const alike = codes.filter((code) => PROBLEMS[code].status === status);
    responses[`${status}`] = {
      description: alike.map((code) => `[\`${code}\`](/problems/${code})`).join(', '),
      ...(alike.includes('rate-limited') && { headers: RateLimitHeaders.extend({ 'retry-after': RetryAfter }) }),
      content: {
        'application/problem+json': {
          schema: Problem,
          examples: Object.fromEntries(alike.map((code) => [code, PROBLEM_EXAMPLES[code]])),
        },
      },
    };
  }
  return responses;
}

/** @param examples - by the statuses that it answers with */
function probe(operationId: string, summary: string, examples: Record<string, object>) {
  const schema = z.looseObject({ status: z.string() });
  const responses = Object.entries(examples).map(([status, example]) => [
    status,
    { description: status === '200' ? 'Yes.' : 'No.', ...json(schema, example) },
  ]);
  return {
    ...operation(operationId, summary, 'health'),
    security: [],
    responses: { ...Object.fromEntries(responses), ...problems(UNREADABLE) },
  };
}
