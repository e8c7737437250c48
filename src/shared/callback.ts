import { z } from 'zod';
import type { VerificationFact } from './decide.ts';
import {
  type CallbackId,
  type EventId,
  newCallbackId,
  newEventId,
  type RandomHex,
  type VerificationId,
} from './ids.ts';
import type { Verification } from './verification.ts';

const DeliveryRecord = z.object({
  at: z.number(),
  httpStatus: z.number().nullable(),
  /** How it ended, in words; never an address or a number. */
  detail: z.string(),
  latencyMs: z.number(),
});
export type DeliveryRecord = z.infer<typeof DeliveryRecord>;

/** One event for one target, as it is stored. Its body is kept beside it and never changes. */
export const Callback = z.object({
  schema: z.literal(1),
  id: z.custom<CallbackId>((v) => typeof v === 'string' && v.startsWith('cb_')),
  eventId: z.custom<EventId>((v) => typeof v === 'string' && v.startsWith('evt_')),
  verificationId: z.custom<VerificationId>((v) => typeof v === 'string' && v.startsWith('ver_')),
  owner: z.string(),
  type: z.string(),
  sequence: z.number(),
  url: z.string(),
  status: z.enum(['pending', 'delivered', 'exhausted', 'refused', 'gone']),
  deliveries: z.array(DeliveryRecord),
  /** Deliveries made before the last replay: the schedule counts from here. */
  scheduleFrom: z.number().default(0),
  /** When the next delivery is due, epoch ms; null when there is none. */
  nextAt: z.number().nullable(),
  createdAt: z.number(),
});
export type Callback = z.infer<typeof Callback>;

/** A callback that is about to be stored with the state change that owes it. */
export interface NewCallback {
  callback: Callback;
  body: string;
}

/** The bytes that every delivery and replay of an event sends (Standard Webhooks: type, timestamp, data). */
function callbackBody(fact: VerificationFact): string {
  return JSON.stringify({
    type: fact.type,
    timestamp: new Date(fact.at).toISOString(),
    data: {
      sequence: fact.sequence,
      verification: fact.verification,
      ...(fact.attempt && { attempt: fact.attempt }),
    },
  });
}

/**
 * The callbacks that facts owe. Without a target there are none.
 *
 * @param defaultUrl - `CALLBACK_URL`; a verification's own `callback_url` replaces it.
 */
export function owedCallbacks(
  v: Verification,
  facts: readonly VerificationFact[],
  defaultUrl: string | undefined,
  random: RandomHex,
): NewCallback[] {
  const url = v.callbackUrl ?? defaultUrl;
  if (url === undefined) return [];
  return facts.map((fact) => ({
    callback: {
      schema: 1,
      id: newCallbackId(v.id, random),
      eventId: newEventId(v.id, random),
      verificationId: v.id,
      owner: v.owner,
      type: fact.type,
      sequence: fact.sequence,
      url,
      status: 'pending',
      deliveries: [],
      scheduleFrom: 0,
      nextAt: fact.at,
      createdAt: fact.at,
    },
    body: callbackBody(fact),
  }));
}
