import { createHmac } from 'node:crypto';
import {
  isSupportedCountry,
  type NumberType as Known,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import { z } from 'zod';

/** A phone number in E.164 form: "+", then the country calling code and the rest, 7 to 15 digits in all (ITU-T E.164). */
export const E164 = z
  .string()
  .regex(/^\+[1-9]\d{6,14}$/)
  .brand<'E164'>()
  .meta({ id: 'E164' });
export type E164 = z.infer<typeof E164>;

/**
 * What {@link judgeNumber} finds. `country` is ISO 3166-1 alpha-2. A `detail` is for the one who sent the number: it may
 * hold the number's corrected form, so it goes into no log.
 */
export type NumberJudgement =
  | { ok: true; number: E164; country: string | undefined }
  | { ok: false; code: 'not-e164' | 'impossible-number'; detail: string };

const EXAMPLE = '"+" and the country code first, then digits only, such as +14045550123';
/** Far above any number with its punctuation; longer input is not looked into. */
const MAX_INPUT_LENGTH = 64;
/** Invisible marks that come along when a number is copied from a contact list or a web page. */
const INVISIBLE = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
const PUNCTUATION = /[\s().\-/\u2010-\u2015\u2212]/g;

/**
 * Whether a text is a phone number in E.164 form that can exist by its country's numbering plan (its length, not
 * whether it is assigned: numbers reserved for fiction pass). Another form is refused with the corrected one in the
 * detail where it follows from what was written; a missing country code is never guessed.
 */
export function judgeNumber(input: string): NumberJudgement {
  const asWritten = E164.safeParse(input);
  if (!asWritten.success) {
    return { ok: false, code: 'not-e164', detail: explainForm(input) };
  }
  const parsed = parse(input);
  if (parsed === undefined) {
    return { ok: false, code: 'impossible-number', detail: 'No country has this calling code.' };
  }
  if (!parsed.isPossible()) {
    return {
      ok: false,
      code: 'impossible-number',
      detail: `No number with the country code +${parsed.countryCallingCode} has this many digits.`,
    };
  }
  // a national prefix left in, as in +44 020 7946 0000: a second spelling of a number would escape its limits
  if (parsed.number !== input) return { ok: false, code: 'not-e164', detail: correction(parsed.number) };
  return { ok: true, number: asWritten.data, country: countryOfParsed(parsed) };
}

/**
 * A number as people of a country write it, in E.164 form: `404 555 0123` in the US, `07700 900123` in the UK. What is
 * none there, or starts with "+" and is none anywhere, comes back as it was written.
 *
 * @param country - ISO 3166-1 alpha-2
 */
export function completeNumber(input: string, country: string): string {
  if (input.length > MAX_INPUT_LENGTH || !isSupportedCountry(country)) return input;
  return parsePhoneNumberFromString(input, { defaultCountry: country, extract: false })?.number ?? input;
}

/** The country of a number (ISO 3166-1 alpha-2); undefined when its calling code or area belongs to none. */
export function countryOf(number: string): string | undefined {
  const parsed = parse(number);
  return parsed && countryOfParsed(parsed);
}

/** What kind of line a number is: `MOBILE`, `PREMIUM_RATE`, `TOLL_FREE`, `PAGER` and so on. */
export type NumberType = Exclude<Known, undefined>;

export const NUMBER_TYPES = [
  'PREMIUM_RATE',
  'SHARED_COST',
  'TOLL_FREE',
  'PERSONAL_NUMBER',
  'PAGER',
  'UAN',
  'VOICEMAIL',
  'VOIP',
  'FIXED_LINE',
  'MOBILE',
  'FIXED_LINE_OR_MOBILE',
] as const satisfies readonly NumberType[];

/** A number without its last four digits: fraudsters own whole blocks of numbers. */
export function prefixOf(number: string): string {
  return number.slice(0, -4);
}

/** The kind of a number by libphonenumber's metadata; null when it knows none, as for numbers kept for fiction. */
export function numberTypeOf(number: string): NumberType | null {
  return parse(number)?.getType() ?? null;
}

/** A number as logs, jobs and callbacks may show it: country calling code and last two digits, `+1••••••••23`. */
export function maskNumber(number: string): string {
  return maskBehind(number, 1 + (parse(number)?.countryCallingCode.length ?? 0));
}

/** A number of which only the first `shown` characters and the last two digits are left. */
export function maskBehind(number: string, shown: number): string {
  const hidden = Math.max(0, number.length - shown - 2);
  return number.slice(0, shown) + '•'.repeat(hidden) + number.slice(shown + hidden);
}

/** Keyed hash of a number (the first 128 bits of HMAC-SHA256, hex): finds what is stored about it without telling it. */
export function hashNumber(key: Buffer | string, number: string): string {
  return createHmac('sha256', key).update(number).digest('hex').slice(0, 32);
}

/** The slot of a number's hash: its first byte as two hex digits, `00` to `ff`. */
export function slotOf(hash: string): string {
  return hash.slice(0, 2);
}

/** Those asked about last: one request asks for a number's form, country, kind and mask. */
const lastParsed = new Map<string, PhoneNumber | undefined>();
const MOST_PARSED = 256;

function parse(number: string): PhoneNumber | undefined {
  if (!lastParsed.has(number)) {
    const [oldest] = lastParsed.keys();
    if (oldest !== undefined && lastParsed.size >= MOST_PARSED) lastParsed.delete(oldest);
    lastParsed.set(number, parsePhoneNumberFromString(number, { extract: false }));
  }
  return lastParsed.get(number);
}

function countryOfParsed(parsed: PhoneNumber): string | undefined {
  if (parsed.country !== undefined) return parsed.country;
  if (parsed.countryCallingCode !== '1') return parsed.getPossibleCountries()[0]; // the main country stands first
  // +1 is shared by countries of very different prices: of its unknown areas only 555, used in fiction, is a US one
  return parsed.nationalNumber.startsWith('555') ? 'US' : undefined;
}

function explainForm(input: string): string {
  const text = input.length > MAX_INPUT_LENGTH ? '' : input.normalize('NFKC').replace(INVISIBLE, '');
  const bare = text.replace(/^\s*tel:/i, '').replace(PUNCTUATION, '');
  // "00" is dialled before the country code in most of the world and starts no national number
  const international = bare.replace(/^00(?=[1-9])/, '+');
  if (/^\+[1-9]\d+$/.test(international)) {
    const parsed = parse(international);
    if (parsed?.isPossible() && E164.safeParse(parsed.number).success) return correction(parsed.number);
  }
  if (/^\d{4,15}$/.test(international)) {
    return `The country code is missing: write ${EXAMPLE}.`;
  }
  return `This is not a phone number in E.164 form: write ${EXAMPLE}.`;
}

function correction(number: string): string {
  return `Write the number in E.164 form: ${number}.`;
}
