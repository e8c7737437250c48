import { z } from 'zod';
import type { EpochMs } from './clock.ts';
import type { RandomHex } from './ids.ts';

/** What callbacks report of verifications; endpoints may choose among them. */
export const VERIFICATION_EVENT_TYPES = [
  'verification.attempt.sent',
  'verification.attempt.failed',
  'verification.attempt.unknown',
  'verification.fallback',
  'verification.approved',
  'verification.expired',
  'verification.failed',
  'verification.canceled',
  'verification.blocked',
] as const;

/**
 * What endpoints are told besides: one that was disabled, to the others; a test, to the one that is tested; how much of its
 * budget an API key has spent.
 */
const NOTICE_TYPES = ['callback_endpoint.disabled', 'callback_endpoint.test', 'budget.reached'] as const;
export type NoticeType = (typeof NOTICE_TYPES)[number];

export const EventType = z.enum([...VERIFICATION_EVENT_TYPES, ...NOTICE_TYPES]);
export type EventType = z.infer<typeof EventType>;

export type EndpointId = `ce_${string}`;

const ENDPOINT_ID = /^ce_[0-9a-f]{32}$/;

/** Whether a string has the form of an endpoint's id. */
export function isEndpointId(text: string): text is EndpointId {
  return ENDPOINT_ID.test(text);
}

export function newEndpointId(random: RandomHex): EndpointId {
  return `ce_${random(16)}`;
}

/** A registered target of callbacks, as it is stored. */
export const CallbackEndpoint = z.object({
  schema: z.literal(1),
  id: z.custom<EndpointId>((v) => typeof v === 'string' && v.startsWith('ce_')),
  /** Name of the API key that it belongs to. */
  owner: z.string(),
  url: z.string(),
  /** The events that it gets; null: all. */
  types: z.array(EventType).nullable(),
  description: z.string().nullable(),
  disabled: z.object({ at: z.number(), reason: z.enum(['requested', 'gone', 'failing']) }).nullable(),
  /** The newest first; an older one signs along until it expires, epoch ms. */
  secrets: z.array(z.object({ secret: z.string(), expiresAt: z.number().nullable() })).min(1),
  createdAt: z.number(),
});
export type CallbackEndpoint = z.infer<typeof CallbackEndpoint>;

/** Whether an endpoint is to be told of an event. */
export function wants(endpoint: CallbackEndpoint, type: EventType): boolean {
  return endpoint.disabled === null && (endpoint.types === null || endpoint.types.includes(type));
}

/** The secrets that sign at a moment. */
export function signingSecrets(endpoint: CallbackEndpoint, now: EpochMs): string[] {
  return endpoint.secrets.filter((s) => s.expiresAt === null || s.expiresAt > now).map((s) => s.secret);
}

/** A new signing secret: 32 random bytes in the form of Standard Webhooks. */
export function newSecret(random: RandomHex): string {
  return `whsec_${Buffer.from(random(32), 'hex').toString('base64')}`;
}

/** An endpoint as the API and its events show it; its secret is shown only when it is made. */
export function endpointView(e: CallbackEndpoint) {
  return {
    id: e.id,
    object: 'callback_endpoint' as const,
    url: e.url,
    types: e.types,
    description: e.description,
    disabled: e.disabled !== null,
    disabled_reason: e.disabled?.reason ?? null,
    disabled_at: e.disabled ? new Date(e.disabled.at).toISOString() : null,
    created_at: new Date(e.createdAt).toISOString(),
  };
}
