import { z } from 'zod';
import { type CallbackEndpoint, type EndpointId, type NoticeType, wants } from './callback-endpoint.ts';
import type { EpochMs } from './clock.ts';
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
  /** The beginning of the answer, at most 1 KB. */
  answer: z.string().optional(),
});
export type DeliveryRecord = z.infer<typeof DeliveryRecord>;

/** One event for one target, as it is stored. Its body is kept beside it and never changes. */
export const Callback = z.object({
  schema: z.literal(1),
  id: z.custom<CallbackId>((v) => typeof v === 'string' && v.startsWith('cb_')),
  eventId: z.custom<EventId>((v) => typeof v === 'string' && v.startsWith('evt_')),
  /** null for an event about an endpoint. */
  verificationId: z.custom<VerificationId>((v) => typeof v === 'string' && v.startsWith('ver_')).nullable(),
  /** The registered endpoint that it is for; null: the verification's own target, or the configured one. */
  endpointId: z
    .custom<EndpointId>((v) => typeof v === 'string' && v.startsWith('ce_'))
    .nullable()
    .default(null),
  owner: z.string(),
  type: z.string(),
  sequence: z.number().nullable(),
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

/** Where the callbacks of an owner go. */
export interface Targets {
  endpoints: readonly CallbackEndpoint[];
  /** `CALLBACK_URL`; a verification's own `callback_url` replaces it. */
  defaultUrl: string | undefined;
}

/** The callbacks that facts owe: one for each target. Without a target there are none. */
export function owedCallbacks(
  v: Verification,
  facts: readonly VerificationFact[],
  { endpoints, defaultUrl }: Targets,
  random: RandomHex,
): NewCallback[] {
  const ownUrl = v.callbackUrl ?? defaultUrl;
  return facts.flatMap((fact) => {
    const eventId = newEventId(v.id, random);
    const body = callbackBody(fact);
    const targets: { endpointId: EndpointId | null; url: string }[] = endpoints
      .filter((endpoint) => wants(endpoint, fact.type))
      .map((endpoint) => ({ endpointId: endpoint.id, url: endpoint.url }));
    if (ownUrl !== undefined) targets.unshift({ endpointId: null, url: ownUrl });
    return targets.map((target) => ({
      callback: {
        ...fresh(fact.at),
        ...target,
        id: newCallbackId(v.id, random),
        eventId,
        verificationId: v.id,
        owner: v.owner,
        type: fact.type,
        sequence: fact.sequence,
      },
      body,
    }));
  });
}

/** An event that belongs to no verification. */
export interface Notice {
  type: NoticeType;
  data: Record<string, unknown>;
}

/** A notice for one target. */
export function noticeCallback(
  { type, data }: Notice,
  target: CallbackEndpoint,
  eventId: EventId,
  at: EpochMs,
  random: RandomHex,
): NewCallback {
  return {
    callback: {
      ...fresh(at),
      id: `cb_00${random(16)}`,
      eventId,
      verificationId: null,
      endpointId: target.id,
      url: target.url,
      owner: target.owner,
      type,
      sequence: null,
    },
    body: JSON.stringify({ type, timestamp: new Date(at).toISOString(), data }),
  };
}

function fresh(at: EpochMs) {
  return {
    schema: 1,
    status: 'pending',
    deliveries: [] as DeliveryRecord[],
    scheduleFrom: 0,
    nextAt: at,
    createdAt: at,
  } as const;
}
