import { z } from 'zod';
import type { NetworkPolicy } from '../shared/callback-target.ts';
import { judgeTargetUrl } from '../shared/callback-target.ts';
import { Channel } from '../shared/channel.ts';
import type { Config } from '../shared/config.ts';
import { judgeMessage } from '../shared/message.ts';
import { judgeNumber } from '../shared/phone-number.ts';
import { StoryType } from '../shared/story.ts';
import { ClosedStatus, CloseReason, OpenStatus } from '../shared/verification.ts';
import {
  CALLBACK_EXAMPLE,
  CHECK_EXAMPLE,
  DECISION_EXAMPLE,
  ENDPOINT_EXAMPLE,
  ERASURE_EXAMPLE,
  EVENT_TIME,
  eventExample,
  listOf,
  SECRET_EXAMPLE,
  TIMELINE_EXAMPLE,
  VERIFICATION_EXAMPLE,
} from './examples.ts';
import { PROBLEMS, type ProblemCode } from './problems.ts';

const MAX_WORKFLOW_STEPS = 4;
const DEFAULT_CODE_LENGTH = 6;
const DEFAULT_MAX_CHECKS = 5;
/** Short numeric codes can be guessed: fewer checks make up for fewer digits. */
const SAFE_DIGITS = 6;
const MAX_CHECKS_OF_SHORT_CODES = 3;
const METADATA_BYTES = 2_048;

/** An integer between two bounds, both allowed, refused in words that name them. */
const integer = (min: number, max: number, unit = '') => {
  const message = `must be a whole number from ${min} to ${max}${unit && ` ${unit}`}`;
  return z
    .int({ error: (issue) => (issue.input === undefined || typeof issue.input !== 'number' ? undefined : message) })
    .min(min, message)
    .max(max, message);
};

const text = (max: number) => z.string().min(1, 'must not be empty').max(max, `must have at most ${max} characters`);

export const PhoneNumber = z
  .string()
  .superRefine((input, context) => {
    const judged = judgeNumber(input);
    if (!judged.ok) context.addIssue({ code: 'custom', message: judged.detail, params: { code: judged.code } });
  })
  .meta({ description: 'A phone number in E.164 form.', examples: ['+14045550123'], pattern: '^\\+[1-9]\\d{6,14}$' });

const WorkflowStep = z
  .strictObject({
    channel: Channel,
    timeout: integer(5, 900, 'seconds').optional().meta({
      description: 'Seconds from the acceptance of the code by SignalWire to the next step. Not used on the last step.',
    }),
  })
  .meta({ id: 'WorkflowStep' });

const Metadata = z
  .record(z.string(), z.string())
  .superRefine((pairs, context) => {
    if (Object.keys(pairs).length > 16) {
      context.addIssue({ code: 'custom', message: 'may have at most 16 pairs', params: { code: 'too-many' } });
    }
    if (Buffer.byteLength(JSON.stringify(pairs)) > METADATA_BYTES) {
      context.addIssue({ code: 'custom', message: 'may have at most 2 KB as JSON', params: { code: 'too-long' } });
    }
  })
  .meta({ id: 'Metadata', description: 'At most 16 pairs of strings, 2 KB; returned as given.' });

/** The request schemas; some rules follow from the configuration. */
export function createRequestSchemas(config: Config, networks: NetworkPolicy) {
  const maxSteps = Math.min(MAX_WORKFLOW_STEPS, config.sending.maxSends);

  const CallbackUrl = z
    .string()
    .superRefine((url, context) => {
      const judged = judgeTargetUrl(url, networks);
      if (!judged.ok) context.addIssue({ code: 'custom', message: judged.detail, params: { code: judged.code } });
      else if (config.callbacks.secrets.length === 0) {
        const message = 'callbacks cannot be signed: the operator has to set CALLBACK_SECRET first';
        context.addIssue({ code: 'custom', message, params: { code: 'no-callback-secret' } });
      }
    })
    .meta({
      format: 'uri',
      description: 'Where the events of this verification go, instead of the configured target.',
    });

  const CreateVerification = z
    .strictObject({
      to: PhoneNumber,
      workflow: z
        .array(WorkflowStep)
        .min(1, 'must have at least 1 step')
        .max(maxSteps, `may have at most ${maxSteps} steps`)
        .optional(),
      from: PhoneNumber.optional(),
      message: z.string().optional().meta({ description: 'Put before the code. Needs a sender of your own.' }),
      code_length: integer(4, 20).optional(),
      code_type: z.enum(['numeric', 'alphanumeric']).optional(),
      expires_in: integer(60, 86_400, 'seconds').optional(),
      max_checks: integer(1, 10).optional(),
      callback_url: CallbackUrl.optional(),
      reference: text(128).optional(),
      metadata: Metadata.optional(),
      client_ip: z.union([z.ipv4(), z.ipv6()], { error: 'must be an IPv4 or IPv6 address' }).optional(),
      rate_limit_keys: z
        .record(text(64), text(256))
        .refine((keys) => Object.keys(keys).length <= 5, { error: 'may have at most 5 keys' })
        .optional(),
      if_active: z.enum(['conflict', 'return', 'replace']).optional(),
    })
    .superRefine((body, context) => {
      const codeLength = body.code_length ?? DEFAULT_CODE_LENGTH;
      const short = (body.code_type ?? 'numeric') === 'numeric' && codeLength < SAFE_DIGITS;
      if (short && (body.max_checks ?? 1) > MAX_CHECKS_OF_SHORT_CODES) {
        const message = `may be at most ${MAX_CHECKS_OF_SHORT_CODES} with fewer than ${SAFE_DIGITS} digits`;
        context.addIssue({ code: 'custom', path: ['max_checks'], message, params: { code: 'out-of-range' } });
      }
      if (body.message === undefined) return;
      const judged = judgeMessage({ message: body.message, codeLength });
      if (!judged.ok) {
        context.addIssue({ code: 'custom', path: ['message'], message: judged.detail, params: { code: judged.code } });
      } else if (body.from === undefined && config.signalwire.from === undefined) {
        const message =
          'a message of your own needs a sender of your own: add "from", a number of your SignalWire account';
        context.addIssue({ code: 'custom', path: ['from'], message, params: { code: 'required' } });
      }
    })
    .meta({ id: 'CreateVerification' });

  const CheckCode = z
    .strictObject({
      code: z
        .string()
        .max(64, 'must be 4 to 20 letters or digits; spaces and hyphens are dropped')
        .transform((code) => code.replaceAll(/[\s-]/g, ''))
        .refine((code) => /^[A-Za-z0-9]{4,20}$/.test(code), {
          error: 'must be 4 to 20 letters or digits; spaces and hyphens are dropped',
        })
        .meta({ description: 'What the person entered; spaces and hyphens are dropped.', examples: ['123 456'] }),
    })
    .meta({ id: 'CheckCode' });

  const RequestAttempt = z.strictObject({ channel: Channel.optional() }).meta({ id: 'RequestAttempt' });

  return { CreateVerification, CheckCode, RequestAttempt };
}
export type RequestSchemas = ReturnType<typeof createRequestSchemas>;
export type CreateVerification = z.infer<RequestSchemas['CreateVerification']>;

/** What is left out of a submission, filled in. */
export function withDefaults(body: CreateVerification, config: Config) {
  const codeLength = body.code_length ?? DEFAULT_CODE_LENGTH;
  const codeType = body.code_type ?? 'numeric';
  const short = codeType === 'numeric' && codeLength < SAFE_DIGITS;
  return {
    workflow: body.workflow ?? config.defaultWorkflow,
    from: body.from ?? config.signalwire.from ?? null,
    codeLength,
    codeType,
    expiresInMs: (body.expires_in ?? 600) * 1000,
    maxChecks: body.max_checks ?? (short ? MAX_CHECKS_OF_SHORT_CODES : DEFAULT_MAX_CHECKS),
  };
}

const Time = z.string().meta({ format: 'date-time' });

const Attempt = z
  .object({
    id: z.string(),
    step: z.int(),
    channel: Channel,
    status: z.enum(['queued', 'sending', 'sent', 'failed', 'unknown', 'skipped']),
    trigger: z.enum(['initial', 'timeout', 'failure', 'unknown', 'request']),
    tries: z.int(),
    error: z.object({ code: z.string(), detail: z.string(), http_status: z.int().nullable() }).nullable(),
    started_at: Time,
    sent_at: Time.nullable(),
  })
  .meta({ id: 'Attempt' });

const Checks = z.object({ used: z.int(), max: z.int() }).meta({ id: 'Checks' });

/** The schemas of answers. */
export const Verification = z
  .object({
    id: z.string().meta({ examples: ['ver_3f019a5c7e1b2d4f60718293a4b5c6d7e8'] }),
    object: z.literal('verification'),
    status: z.enum([...OpenStatus.options, ...ClosedStatus.options]),
    reason: CloseReason.nullable(),
    to: z.string(),
    reference: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    workflow: z.array(z.object({ channel: Channel, timeout: z.int().optional() })),
    current_step: z.int(),
    attempts: z.array(Attempt),
    next_attempt: z.object({ channel: Channel, at: Time }).nullable(),
    checks: Checks,
    created_at: Time,
    expires_at: Time,
    closed_at: Time.nullable(),
  })
  .meta({ id: 'Verification', examples: [VERIFICATION_EXAMPLE] });

export const VerificationList = z
  .object({ object: z.literal('list'), data: z.array(Verification), next_cursor: z.string().nullable() })
  .meta({ id: 'VerificationList', examples: [listOf(VERIFICATION_EXAMPLE)] });

export const CheckAnswer = z
  .object({ approved: z.boolean(), checks: Checks, verification: Verification })
  .meta({ id: 'CheckAnswer', examples: [CHECK_EXAMPLE] });

export const Callback = z
  .object({
    id: z.string(),
    object: z.literal('callback'),
    event_id: z.string().meta({ description: 'The `webhook-id` of every delivery.' }),
    type: z.string(),
    sequence: z.int().nullable(),
    verification_id: z.string().nullable().meta({ description: 'null for an event about an endpoint.' }),
    endpoint: z.string().nullable().meta({ description: 'Id of the endpoint that it is for; null for other targets.' }),
    url: z.string(),
    status: z.enum(['pending', 'delivered', 'exhausted', 'refused', 'gone']),
    deliveries: z.array(
      z.object({
        at: Time,
        http_status: z.int().nullable(),
        detail: z.string(),
        latency_ms: z.int(),
        answer: z.string().optional().meta({ description: 'The beginning of the answer, at most 1 KB.' }),
      }),
    ),
    next_delivery_at: Time.nullable(),
    created_at: Time,
  })
  .meta({ id: 'Callback', examples: [CALLBACK_EXAMPLE] });

export const CallbackList = z
  .object({ object: z.literal('list'), data: z.array(Callback), next_cursor: z.string().nullable() })
  .meta({ id: 'CallbackList', examples: [listOf(CALLBACK_EXAMPLE)] });

const Decision = z
  .object({
    id: z.string(),
    object: z.literal('decision'),
    at: Time,
    actor: z
      .string()
      .meta({ description: '`api-key:` and its name; a user of `/admin`; `system`: Ringback by itself.' }),
    action: z.string().meta({ description: 'What was decided. Actions may be added.', examples: ['request.limited'] }),
    subject: z.string().nullable().meta({ description: 'About what: a masked number or prefix, a country.' }),
    reason: z.string().nullable(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Decision', examples: [DECISION_EXAMPLE] });

export const DecisionList = z
  .object({ object: z.literal('list'), data: z.array(Decision), next_cursor: z.string().nullable() })
  .meta({ id: 'DecisionList', examples: [listOf(DECISION_EXAMPLE)] });

const verdict = {
  reason: CloseReason.nullable().meta({ description: 'Why it is blocked.' }),
  limit: z.string().nullable().meta({ description: 'The limit that is reached.' }),
  retry_after: z.int().nullable().meta({ description: 'Seconds until there is room in it again.' }),
};

export const Simulation = z
  .object({
    object: z.literal('simulation'),
    outcome: z.enum(['accepted', 'blocked', 'rate_limited', 'conflict', 'existing']).meta({
      description:
        'What comes of it. With an open verification for the number `if_active` decides first: `conflict`, or `existing` (it is answered).',
    }),
    http_status: z.int().meta({ description: 'Status of the answer.' }),
    ...verdict,
    active_verification: z.string().nullable().meta({ description: 'The open verification of the number.' }),
    findings: z
      .array(
        z.object({
          rule: z.string(),
          mode: z.enum(['enforce', 'monitor']).meta({ description: 'monitor: nothing follows from it.' }),
          verdict: z.enum(['blocked', 'limited']),
          ...verdict,
          detail: z.string().meta({ description: 'What was found, for people.' }),
        }),
      )
      .meta({ description: 'All that the rules have against it; the first one that is enforced decides.' }),
    to: z.string().meta({ description: 'The number, masked.' }),
    country: z.string().nullable().meta({ description: 'ISO 3166-1 alpha-2.' }),
    number_type: z
      .string()
      .nullable()
      .meta({ description: 'Such as `mobile`, `fixed_line_or_mobile` or `premium_rate`; null: not known.' }),
    test_number: z.boolean().meta({ description: 'Nothing is ever sent to it.' }),
    workflow: z.array(z.object({ channel: Channel, timeout: z.int().optional() })),
    from: z.string().nullable(),
    code_length: z.int(),
    code_type: z.enum(['numeric', 'alphanumeric']),
    expires_in: z.int(),
    max_checks: z.int(),
    estimated_cost: z.object({ first_code: z.number(), all_steps: z.number() }).nullable().meta({
      description:
        'What it would cost by the configured prices: its first code, and one for each step; null without prices.',
    }),
  })
  .meta({ id: 'Simulation' });

const TimelineEntry = z
  .object({
    id: z.string().meta({ description: 'Names the entry within its timeline; the `Last-Event-ID` of the stream.' }),
    at: Time,
    type: z.enum(StoryType.options).meta({ description: 'Types may be added.' }),
    text: z
      .string()
      .meta({ description: 'One sentence in English, for people. It may be worded anew in any release.' }),
    data: z.looseObject({
      attempt: z.string().optional(),
      step: z.int().optional(),
      channel: Channel.optional(),
      trigger: z.string().optional(),
      tries: z.int().optional(),
      waited_ms: z.int().optional().meta({ description: 'From when the try might have begun until it did.' }),
      rate_per_second: z.number().optional().meta({ description: 'It waited for the rate limit of its channel.' }),
      took_ms: z.int().optional().meta({ description: 'Until SignalWire, or the receiver, had answered.' }),
      retry_in_ms: z.int().optional(),
      detail: z.string().optional(),
      http_status: z.int().nullable().optional(),
      checks_used: z.int().optional(),
      reason: CloseReason.nullable().optional(),
      callback: z.string().optional(),
      event: z.string().optional().meta({ description: 'Type of the event that the callback reports.' }),
      delivery: z.int().optional().meta({ description: 'Deliveries made so far.' }),
      host: z.string().optional(),
    }),
  })
  .meta({ id: 'TimelineEntry', examples: [TIMELINE_EXAMPLE] });

export const Timeline = z
  .object({ object: z.literal('list'), data: z.array(TimelineEntry), next_cursor: z.null() })
  .meta({ id: 'Timeline', examples: [listOf(TIMELINE_EXAMPLE)] });

export const Erasure = z
  .object({
    id: z.string(),
    object: z.literal('erasure'),
    status: z
      .enum(['pending', 'complete'])
      .meta({ description: 'pending: some is still to be erased; it goes on by itself.' }),
    erased: z
      .object({
        verifications: z.int(),
        canceled: z.int().meta({ description: 'Those of them that were open until then.' }),
        callbacks: z.int(),
        answers: z.int().meta({ description: 'Answers that were kept for an idempotency key.' }),
      })
      .meta({ description: 'How many of each are gone so far.' }),
    created_at: Time,
    completed_at: Time.nullable(),
  })
  .meta({ id: 'Erasure', examples: [ERASURE_EXAMPLE] });

const Code = z.enum(Object.keys(PROBLEMS) as ProblemCode[]).meta({
  id: 'ProblemCode',
  description:
    'What went wrong. `/problems/{code}` on this host says what it means and what to do. Codes may be added: treat one that you do not know by its status.',
});

const endpointFields = {
  id: z.string(),
  object: z.literal('callback_endpoint'),
  url: z.string(),
  types: z.array(z.string()).nullable(),
  description: z.string().nullable(),
  disabled: z.boolean(),
  disabled_reason: z.enum(['requested', 'gone', 'failing']).nullable(),
  disabled_at: Time.nullable(),
  created_at: Time,
};
export const CallbackEndpoint = z.object(endpointFields).meta({ id: 'CallbackEndpoint', examples: [ENDPOINT_EXAMPLE] });
export const NewCallbackEndpoint = z
  .object({ ...endpointFields, secret: z.string().meta({ description: 'Signs its callbacks; shown only here.' }) })
  .meta({ id: 'NewCallbackEndpoint', examples: [{ ...ENDPOINT_EXAMPLE, secret: SECRET_EXAMPLE }] });
export const CallbackEndpointList = z
  .object({ object: z.literal('list'), data: z.array(CallbackEndpoint), next_cursor: z.null() })
  .meta({ id: 'CallbackEndpointList', examples: [listOf(ENDPOINT_EXAMPLE)] });
export const Replay = z
  .object({
    object: z.literal('replay'),
    replayed: z.int(),
    complete: z.boolean().meta({ description: 'false: ask again with `since` set to `until`.' }),
    until: Time,
  })
  .meta({
    id: 'Replay',
    examples: [{ object: 'replay', replayed: 12, complete: true, until: '2026-11-23T09:05:00.000Z' }],
  });

/** The body of a callback about a verification. */
export const verificationEvent = (type: string, withAttempt: boolean) =>
  z
    .object({
      type: z.literal(type),
      timestamp: Time,
      data: z.object({
        sequence: z.int(),
        verification: Verification,
        ...(withAttempt && { attempt: Attempt }),
      }),
    })
    .meta({ examples: [eventExample(type, withAttempt)] });

/** The body of a callback about an endpoint. */
export const endpointEvent = (type: string) =>
  z
    .object({ type: z.literal(type), timestamp: Time, data: z.object({ callback_endpoint: CallbackEndpoint }) })
    .meta({ examples: [{ type, timestamp: EVENT_TIME, data: { callback_endpoint: ENDPOINT_EXAMPLE } }] });

/** The body of a callback about the budget of an API key. */
export const budgetEvent = (type: string) =>
  z
    .object({
      type: z.literal(type),
      timestamp: Time,
      data: z.object({
        budget: z.object({
          percent: z.int().meta({ description: 'The share that is reached: 50, 80 or 100.' }),
          budget: z.number(),
          spent: z.number(),
          day: z.string().meta({ format: 'date', description: 'In UTC.' }),
          mode: z.enum(['enforce', 'monitor']).meta({ description: 'monitor: nothing is refused.' }),
        }),
      }),
    })
    .meta({
      examples: [
        {
          type,
          timestamp: EVENT_TIME,
          data: { budget: { percent: 80, budget: 25, spent: 20.0029, day: '2026-11-23', mode: 'enforce' } },
        },
      ],
    });

export const Problem = z
  .looseObject({
    type: z.string().meta({ format: 'uri-reference', description: 'Where the code is explained: `/problems/{code}`.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What happened this time, for people.' }),
    code: Code,
    request_id: z.string(),
    errors: z.array(z.object({ pointer: z.string(), code: z.string(), detail: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457. Clients branch on `code`.' });
