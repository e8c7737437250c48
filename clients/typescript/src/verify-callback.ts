import type { CallbackEvent } from './openapi-types.ts';

const SECRET_PREFIX = 'whsec_';
const SIGNATURE_PREFIX = 'v1,';
const TOLERANCE_SECONDS = 5 * 60;

/** Headers as a Fetch `Request` has them, or as Node.js does: by their names in lower case. */
type HeadersLike = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface SignedCallback {
  /** `whsec_…`; several while you change over from one to another. */
  secret: string | readonly string[];
  headers: HeadersLike;
  /** Exactly as it came, before anything parses it. */
  body: string | Uint8Array;
  /** How old or early `webhook-timestamp` may be (300). */
  toleranceSeconds?: number;
  /** What time it is, in Unix milliseconds (now). */
  now?: number;
}

export interface VerifiedCallback {
  /** The event's id, the same for every delivery and replay: drop those that you have had. */
  id: string;
  event: CallbackEvent;
}

export type CallbackFault = 'missing-header' | 'no-matching-signature' | 'timestamp-out-of-tolerance';

/** Ringback did not send it, or not just now: answer with 400 and do nothing. */
export class CallbackSignatureError extends Error {
  override readonly name = 'CallbackSignatureError';
  readonly code: CallbackFault;

  constructor(code: CallbackFault, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Verifies a callback (https://www.standardwebhooks.com) and returns its event. Types may be added: an event of a type that you do not
 * know is to be ignored, with a 2xx.
 *
 * @throws {CallbackSignatureError}
 * @throws {TypeError} when a secret is none.
 */
export async function verifyCallback(callback: SignedCallback): Promise<VerifiedCallback> {
  const { secret, headers, body, toleranceSeconds = TOLERANCE_SECONDS, now = Date.now() } = callback;
  const id = header(headers, 'webhook-id');
  const timestamp = header(headers, 'webhook-timestamp');
  const signatures = header(headers, 'webhook-signature')
    .split(' ')
    .filter((signature) => signature.startsWith(SIGNATURE_PREFIX))
    .flatMap((signature) => decodeBase64(signature.slice(SIGNATURE_PREFIX.length)) ?? []);

  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const signed = concat(
    new TextEncoder().encode(`${id}.${timestamp}.`),
    typeof body === 'string' ? new TextEncoder().encode(body) : body,
  );
  let genuine = false;
  for (const key of await Promise.all([secret].flat().map(importKey))) {
    // WebCrypto compares in constant time
    for (const signature of signatures)
      genuine = (await crypto.subtle.verify('HMAC', key, signature, signed)) || genuine;
  }
  if (!genuine) throw new CallbackSignatureError('no-matching-signature', 'no signature matches');

  const ageSeconds = now / 1000 - Number(timestamp);
  if (!(Math.abs(ageSeconds) <= toleranceSeconds)) {
    throw new CallbackSignatureError('timestamp-out-of-tolerance', `it was signed ${Math.round(ageSeconds)} s ago`);
  }
  return { id, event: JSON.parse(text) };
}

function header(headers: HeadersLike, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  if (typeof value !== 'string' || value === '') {
    throw new CallbackSignatureError('missing-header', `the header ${name} is missing`);
  }
  return value;
}

function importKey(secret: string) {
  const key = secret.startsWith(SECRET_PREFIX) ? decodeBase64(secret.slice(SECRET_PREFIX.length)) : undefined;
  if (key === undefined || key.length === 0) throw new TypeError('a secret must be whsec_ and base64');
  return crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

/** Undefined when it is no base64. */
function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
