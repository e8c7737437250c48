import { z } from 'zod';

/**
 * What the first release kept in Redis and in its jobs, as its code checked it. It never changes: processes of neighbouring
 * releases run side by side while they are replaced, and an open verification outlives its writer.
 */
const Channel = z.enum(['sms', 'call']);
const Attempt = z.tuple([
  z.number(), // step
  Channel,
  z.enum(['initial', 'timeout', 'failure', 'unknown', 'request']),
  z.enum(['queued', 'sending', 'sent', 'failed', 'unknown', 'skipped']),
  z.number(), // tries
  z.number(), // started, ms after the making of the verification, as are all times below
  z.number().nullable(), // sent
  z.string().nullable(), // SignalWire's id
  z.object({
    countedTries: z.number().optional(),
    error: z.object({ code: z.string(), detail: z.string(), httpStatus: z.number().nullable() }).optional(),
    nextTryIn: z.number().optional(), // after its start
    flight: z.object({ token: z.string(), at: z.number() }).optional(),
    lostToken: z.string().optional(),
    spent: z.boolean().optional(),
    request: z.string().optional(),
  }),
]);
export const FirstVerification = z
  .tuple([
    z.literal(1),
    z.number(), // created, epoch ms
    z.number(), // lives so long, ms
    z.string(), // owner
    z.string(), // to
    z.union([z.number(), z.string()]), // masked
    z.string(), // hash of the number
    z.string().nullable(), // country
    z.enum(['queued', 'pending', 'approved', 'expired', 'failed', 'canceled', 'blocked']),
    z.number(), // current step
    z.number().nullable(), // timer
    z.number(), // sends
    z.number(), // sequence
    z.array(z.union([z.tuple([Channel]), z.tuple([Channel, z.number()])])), // workflow
    z.array(Attempt),
    z.object({
      client: z.string().optional(),
      rateLimitKeys: z.record(z.string(), z.string()).optional(),
      origin: z.object({ request_id: z.string().optional(), traceparent: z.string().optional() }).optional(),
      from: z.string().optional(),
      message: z.string().optional(),
      codeLength: z.number().optional(),
      codeType: z.enum(['numeric', 'alphanumeric']).optional(),
      callbackUrl: z.string().optional(),
      reference: z.string().optional(),
      metadata: z.record(z.string(), z.string()).optional(),
      stepStartedIn: z.number().optional(),
      maxSends: z.number().optional(),
      checks: z.number().optional(),
      maxChecks: z.number().optional(),
      checksInFlight: z.array(z.object({ token: z.string(), at: z.number() })).optional(),
      lastTryMisconfigured: z.boolean().optional(),
      reason: z.string().optional(),
      closedIn: z.number().optional(),
    }),
  ])
  .rest(z.unknown());
export type FirstVerification = z.infer<typeof FirstVerification>;

/** Header, document, and what follows it. */
export const FIRST_RECORD = /^\d+( [0-9a-f]{12}){0,4}\n(?<doc>[^\n]*)\n(?<rest>[\s\S]*)$/;

/** A line of a verification's story. */
export const FirstStoryLine = z.tuple([z.string(), z.number(), z.record(z.string(), z.unknown()).optional()]);

export const FirstCallback = z.object({
  schema: z.literal(1),
  id: z.string().startsWith('cb_'),
  eventId: z.string().startsWith('evt_'),
  verificationId: z.string().startsWith('ver_'),
  owner: z.string(),
  type: z.string(),
  sequence: z.number(),
  url: z.string(),
  status: z.enum(['pending', 'delivered', 'exhausted', 'refused', 'gone']),
  deliveries: z.array(
    z.object({ at: z.number(), httpStatus: z.number().nullable(), detail: z.string(), latencyMs: z.number() }),
  ),
  nextAt: z.number().nullable(),
  createdAt: z.number(),
});
export type FirstCallback = z.infer<typeof FirstCallback>;

export const FirstJobs = {
  verifications: z.object({ verification_id: z.string().startsWith('ver_'), to: z.string() }),
  sms: z.object({
    verification_id: z.string().startsWith('ver_'),
    attempt_id: z.string().startsWith('att_'),
    channel: z.enum(['sms', 'call']),
    to: z.string(),
  }),
  callbacks: z.object({
    callback_id: z.string().startsWith('cb_'),
    verification_id: z.string().startsWith('ver_'),
    type: z.string(),
  }),
};
