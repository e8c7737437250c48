import { z } from 'zod';

/**
 * What the first release kept in Redis and in its jobs, as its code checked it. It never changes: processes of neighbouring
 * releases run side by side while they are replaced, and an open verification outlives its writer.
 */
const Step = z.object({ channel: z.enum(['sms', 'call']), timeout: z.number().optional() });
const Attempt = z.object({
  id: z.string().startsWith('att_'),
  step: z.number(),
  channel: z.enum(['sms', 'call']),
  trigger: z.enum(['initial', 'timeout', 'failure', 'unknown', 'request']),
  status: z.enum(['queued', 'sending', 'sent', 'failed', 'unknown', 'skipped']),
  tries: z.number(),
  countedTries: z.number(),
  error: z.object({ code: z.string(), detail: z.string(), httpStatus: z.number().nullable() }).nullable(),
  startedAt: z.number(),
  sentAt: z.number().nullable(),
  nextTryAt: z.number(),
  flight: z.object({ token: z.string(), at: z.number() }).nullable(),
  lostToken: z.string().nullable(),
  mfaId: z.string().nullable(),
  spent: z.boolean(),
});
export const FirstVerification = z.object({
  schema: z.literal(1),
  id: z.string().startsWith('ver_'),
  owner: z.string(),
  to: z.string(),
  masked: z.string(),
  numberHash: z.string(),
  country: z.string().nullable(),
  from: z.string().nullable(),
  message: z.string().nullable(),
  codeLength: z.number(),
  codeType: z.enum(['numeric', 'alphanumeric']),
  callbackUrl: z.string().nullable(),
  reference: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  workflow: z.array(Step),
  currentStep: z.number(),
  stepStartedAt: z.number(),
  timerAt: z.number().nullable(),
  attempts: z.array(Attempt),
  sends: z.number(),
  maxSends: z.number(),
  checks: z.object({
    used: z.number(),
    max: z.number(),
    inFlight: z.array(z.object({ token: z.string(), at: z.number() })),
  }),
  sequence: z.number(),
  lastTryMisconfigured: z.boolean(),
  createdAt: z.number(),
  expiresAt: z.number(),
  status: z.enum(['queued', 'pending', 'approved', 'expired', 'failed', 'canceled', 'blocked']),
  reason: z.string().nullable(),
  closedAt: z.number().nullable(),
});
export type FirstVerification = z.infer<typeof FirstVerification>;

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
