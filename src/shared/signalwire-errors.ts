import { z } from 'zod';

const MAX_DETAIL_LENGTH = 200;
/** An error body holds a list at most, of errors that may hold one more object each; deeper is not SignalWire's. */
const MAX_DEPTH = 3;

/**
 * Codes that speak of the account: sender, campaign, plan, trial, money. The number is not at fault, so an operator
 * has to act.
 *
 * @see https://signalwire.com/docs/apis/error-codes
 */
const ACCOUNT_CODES: ReadonlySet<string> = new Set([
  'invalid_from_number',
  'verified_caller_id_not_permitted',
  'not_purchased_or_verified',
  'number_not_verified',
  'missing_messaging_capability',
  'not_voice_capable',
  'inactive_campaign',
  'associated_campaign_inactive',
  'associated_campaign_suspended',
  'sending_disabled_for_space',
  'feature_not_available',
  'not_allowed_on_subscription_plan',
  'sending_restricted_to_verified',
  'integration_test_verified_caller_required',
  'account_limit_exceeded',
  'pft_daily_limit_exceeded',
  'insufficient_balance',
  'insufficient_balance_to_send_message',
  'auto_top_up_deactivated',
]);

/** Codes that speak of the number, the message or the moment. */
const OTHER_CODES: ReadonlySet<string> = new Set([
  'not_e164',
  'invalid_number_format',
  'invalid_to_number',
  'invalid_destination_number',
  'destination_number_not_supported',
  'number_not_supported',
  'not_routable',
  'not_routeable',
  'unsupported_region',
  'number_blacklisted',
  'message_blocked_by_number',
  'rate_limit_exceeded',
  'max_queued_messages_exceeded',
  'max_queued_calls_exceeded',
  'message_backlog_limit_exceeded',
  'campaign_throughput_exceeded',
  'tmobile_daily_limit_reached',
  'sole_proprietor_daily_limit_exceeded',
  'cannot_process',
  'internal_error_occurred',
  'unable_to_deliver_to_carrier',
  'missing_required_parameter',
  'invalid_parameter',
  'character_limit_exceeded',
  'message_length_exceeds_limit',
]);

const Words = z.string().trim().min(1).optional().catch(undefined);

/** What any of SignalWire's error objects may say; each of its APIs has a shape of its own. */
const ErrorObject = z.object({
  errors: z.unknown().optional(),
  error: z.unknown().optional(),
  detail: Words,
  message: Words,
  title: Words,
  attribute: Words,
  code: Words,
  type: Words,
});

/** What an error body says. */
export interface ProviderError {
  /** In SignalWire's words; they may hold anything, so they are shown only through `scrub`. Empty when it gave none. */
  words: string;
  /** A code by its documented name; the relay API's own "422" is none. One that speaks of the account comes first. */
  code: string | undefined;
  /** `code` speaks of the account, not of the number. */
  account: boolean;
}

/**
 * Reads an error body in any shape SignalWire is known to use: `{ errors: [...] }`, `{ errors: {...} }`, a flat
 * `{ type, code, message }` or `{ code, message, more_info }`, `{ error }`, a bare JSON string, plain text or HTML.
 *
 * @see https://signalwire.com/docs/apis/error-codes
 */
export function readProviderError(body: string): ProviderError {
  const json = parseJson(body);
  // A load balancer in between answers in HTML.
  const said = readValue(json === undefined ? body.replace(/<[^<>]*>/g, ' ') : json, 0);
  const codes = said.map((s) => s.code).filter((code) => code !== undefined);
  const code = codes.find((c) => ACCOUNT_CODES.has(c)) ?? codes.find((c) => OTHER_CODES.has(c));
  return {
    words: said
      .map((s) => s.words)
      .filter((words) => words !== '')
      .join('; '),
    code,
    account: code !== undefined && ACCOUNT_CODES.has(code),
  };
}

interface Said {
  words: string;
  code: string | undefined;
}

function readValue(value: unknown, depth: number): Said[] {
  if (typeof value === 'string') return [{ words: value, code: undefined }];
  if (depth === MAX_DEPTH) return [];
  if (Array.isArray(value)) return value.flatMap((item) => readValue(item, depth + 1));
  const parsed = ErrorObject.safeParse(value);
  if (!parsed.success) return [];
  const { errors, error, detail, message, title, attribute, code = parsed.data.type } = parsed.data;
  if (errors !== undefined && errors !== null) return readValue(errors, depth + 1);
  if (typeof error === 'object' && error !== null) return readValue(error, depth + 1);
  const reason = detail ?? message ?? title ?? (typeof error === 'string' ? error : undefined);
  const name = code !== undefined && /[a-z]/i.test(code) ? code : undefined;
  const about = attribute === undefined ? '' : `${attribute}: `;
  const words = reason === undefined ? (name ?? '') : `${about}${reason}${name === undefined ? '' : ` (${name})`}`;
  return [{ words, code: name }];
}

/** The value of a JSON text; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Digits that may be a phone number, however they are spaced out: seven characters or more. */
const NUMBER = /\+?\d[\d ()./,_\p{Pd}]{5,}\d/gu;

/**
 * Makes foreign words fit to be shown: without control characters, credentials and phone numbers, of which only the
 * last two digits stay.
 *
 * @param secrets - credentials, in each form in which they may be echoed.
 */
export function scrub(words: string, secrets: readonly string[]): string {
  let text = words.normalize('NFKC').replace(/[\p{C}\s]+/gu, ' ');
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '[hidden]');
  return text.replace(NUMBER, (number) => `••••${number.replace(/\D/g, '').slice(-2)}`).trim();
}

/** Cuts a sentence to the length that a detail may have. */
export function toDetail(sentence: string): string {
  if (sentence.length <= MAX_DETAIL_LENGTH) return sentence;
  return `${sentence.slice(0, MAX_DETAIL_LENGTH - 1).toWellFormed()}…`;
}
