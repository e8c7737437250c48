import { z } from 'zod';
import type { Channel } from './behaviour.ts';
import { fitsOneSegment } from './segment.ts';

const DEFAULT_MESSAGE: Record<Channel, string> = {
  sms: 'Your Personal Authorization Code is:',
  call: 'Your Personal Authorization Code is',
};
const MAX_SPOKEN_CHARACTERS = 500;
const MAX_VALID_FOR_SECONDS = 604_800;

function phoneNumber(label: string) {
  return z
    .string({ error: ({ input }) => (input === undefined ? `${label} can't be blank` : `${label} must be a string`) })
    .regex(/^\+[1-9]\d{1,14}$/, `${label} is not a phone number in E.164 form`);
}

function integer(label: string, min: number, max: number) {
  const range = `${label} must be between ${min} and ${max}`;
  return z
    .int({ error: `${label} must be an integer` })
    .min(min, range)
    .max(max, range);
}

const SendFields = z.object({
  to: phoneNumber('To'),
  from: phoneNumber('From').optional(),
  message: z.string({ error: 'Message must be a string' }).optional(),
  token_length: integer('Token length', 4, 20).default(6),
  valid_for: integer('Valid for', 0, MAX_VALID_FOR_SECONDS).default(3_600),
  max_attempts: integer('Max attempts', 1, 20).default(3),
  allow_alphas: z.boolean({ error: 'Allow alphas must be a boolean' }).default(false),
});

const VerifyFields = z.object({
  token: z
    .string({ error: ({ input }) => (input === undefined ? "Token can't be blank" : 'Token must be a string') })
    .min(1, "Token can't be blank"),
});

/** A request for a code, checked and with its defaults. */
export interface SendRequest {
  to: string;
  from: string | undefined;
  /** What stands before the code, the default text included. */
  message: string;
  tokenLength: number;
  validForSeconds: number;
  maxAttempts: number;
  allowAlphas: boolean;
}

/** A body as the stand-in reads it: its fields, or what is wrong with each of them. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; details: string[] };

/**
 * Reads the body of a request for a code. Where SignalWire does not say whether its limit for the message counts the code,
 * it counts here: a client that passes this passes the real one either way.
 *
 * @param form - whether the body came as a form, where every value is a string.
 */
export function parseSend(channel: Channel, body: unknown, form: boolean): Parsed<SendRequest> {
  const parsed = parseFields(SendFields, form ? decodeForm(body) : body);
  if (!parsed.ok) return parsed;
  const { to, from, message, ...fields } = parsed.value;
  const details = message === undefined ? [] : judgeMessage({ channel, from, message, length: fields.token_length });
  if (details.length > 0) return { ok: false, details };
  return {
    ok: true,
    value: {
      to,
      from,
      message: message ?? DEFAULT_MESSAGE[channel],
      tokenLength: fields.token_length,
      validForSeconds: fields.valid_for,
      maxAttempts: fields.max_attempts,
      allowAlphas: fields.allow_alphas,
    },
  };
}

/** Reads the body of a check. */
export function parseVerify(body: unknown): Parsed<{ token: string }> {
  return parseFields(VerifyFields, body);
}

/** The text of a message, or what the call says. */
export function textOf(message: string, code: string): string {
  return `${message} ${code}`.trim();
}

interface CustomMessage {
  channel: Channel;
  from: string | undefined;
  message: string;
  length: number;
}

function judgeMessage({ channel, from, message, length }: CustomMessage): string[] {
  const text = textOf(message, '0'.repeat(length));
  if (channel === 'call') {
    const fits = text.length <= MAX_SPOKEN_CHARACTERS;
    return fits ? [] : [`Message is too long (maximum is ${MAX_SPOKEN_CHARACTERS} characters, including the token)`];
  }
  const details = [];
  // the shared sender may carry the approved text only
  if (from === undefined) details.push("From can't be blank with a custom message");
  if (!fitsOneSegment(text)) details.push('Message must fit in one segment (160 characters, or 70 if any is not GSM)');
  return details;
}

function parseFields<T>(schema: z.ZodType<T>, body: unknown): Parsed<T> {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const result = schema.safeParse(isObject ? body : {});
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, details: [...new Set(result.error.issues.map((issue) => issue.message))] };
}

const INTEGERS = new Set(['token_length', 'valid_for', 'max_attempts']);
const BOOLEANS: Record<string, boolean> = { true: true, '1': true, false: false, '0': false };

function decodeForm(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, decodeField(name, value)]));
}

function decodeField(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (INTEGERS.has(name)) return /^-?\d+$/.test(value) ? Number(value) : value;
  return name === 'allow_alphas' ? (BOOLEANS[value] ?? value) : value;
}
