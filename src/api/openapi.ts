import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiExampleObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { VERSION } from '../shared/version.ts';
import { problemExample } from './problem-texts.ts';
import { PROBLEMS, type ProblemCode } from './problems.ts';
import { Callback, CallbackList, CheckAnswer, Problem, type RequestSchemas, Verification } from './schemas.ts';

const SUBMISSION_EXAMPLE = {
  to: '+14045550123',
  workflow: [{ channel: 'sms', timeout: 45 }, { channel: 'call' }],
  reference: 'login-8812',
};

/** Problems that any call with an API key may answer. */
const COMMON: ProblemCode[] = ['unauthorized', 'not-found', 'internal-error', 'unavailable'];
/** Those of a call with a body. */
const WITH_BODY: ProblemCode[] = ['malformed-json', 'body-too-large', 'unsupported-media-type', 'invalid-request'];

/** Those of a call that takes an idempotency key. */
const IDEMPOTENT: ProblemCode[] = ['idempotency-key-in-use', 'idempotency-key-reused'];

const IdempotencyKey = z.object({
  'idempotency-key': z.string().max(255).optional().meta({
    description: 'Names the request: repeated within 24 h with the same body, it is answered alike and done once.',
  }),
});

/** By their id they become components, so that the document holds each once. */
const PROBLEM_EXAMPLES = Object.fromEntries(
  (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => [
    code,
    { id: code, summary: PROBLEMS[code].title, value: problemExample(code) },
  ]),
) as Record<ProblemCode, ZodOpenApiExampleObject>;

/** The OpenAPI 3.1 document, made from the very schemas that check requests. */
export function createOpenApi(schemas: RequestSchemas) {
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
      { name: 'health', description: 'For probes; no API key needed.' },
    ],
    components: {
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'The secret of an API key.' } },
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
              headers: z.object({ location: z.string().meta({ description: 'Path of the verification.' }) }),
              ...json(Verification),
            },
            ...problems([...COMMON, ...WITH_BODY, ...IDEMPOTENT, 'verification-active', 'rate-limited']),
          },
        },
      },
      '/v1/verifications/{id}': {
        get: {
          ...operation('getVerification', 'Read a verification', 'verifications'),
          ...id,
          responses: { '200': { description: 'The verification.', ...json(Verification) }, ...problems(COMMON) },
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
            '202': { description: 'Another attempt is queued.', ...json(Verification) },
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
            ...problems([...COMMON, 'verification-closed']),
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
      '/v1/callbacks/{id}/replay': {
        post: {
          ...operation('replayCallback', 'Deliver a callback again: same webhook-id, same bytes', 'callbacks'),
          requestParams: { path: z.object({ id: z.string().meta({ description: 'Id of the callback.' }) }) },
          responses: { '202': { description: 'It is delivered again.', ...json(Callback) }, ...problems(COMMON) },
        },
      },
      '/livez': { get: probe('livez', 'Whether the process answers', ['200']) },
      '/readyz': {
        get: probe('readyz', 'Whether it can serve: Redis answers and it is not shutting down', ['200', '503']),
      },
    },
  });
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

function probe(operationId: string, summary: string, statuses: readonly ('200' | '503')[]): ZodOpenApiOperationObject {
  const content = { 'application/json': { schema: z.looseObject({ status: z.string() }) } };
  const responses = Object.fromEntries(
    statuses.map((status) => [status, { description: status === '200' ? 'Yes.' : 'No.', content }]),
  );
  return { ...operation(operationId, summary, 'health'), security: [], responses };
}
