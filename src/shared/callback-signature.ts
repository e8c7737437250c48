import { createHmac } from 'node:crypto';

const SECRET_PREFIX = 'whsec_';
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;

/** Tells whether a text is a symmetric secret of Standard Webhooks: `whsec_` and the padded base64 of 24 to 64 bytes. */
export function isCallbackSecret(text: string): boolean {
  if (!text.startsWith(SECRET_PREFIX)) return false;
  const key = decodeKey(text);
  // Node decodes almost anything: only what it would write itself is base64 for every receiver's library.
  const isCanonical = key.toString('base64') === text.slice(SECRET_PREFIX.length);
  return isCanonical && key.length >= MIN_KEY_BYTES && key.length <= MAX_KEY_BYTES;
}

/**
 * Signs one delivery: the `webhook-signature` header of Standard Webhooks v1 (https://www.standardwebhooks.com), an
 * HMAC-SHA256 (RFC 2104) of `{id}.{timestamp}.{body}`.
 *
 * @param secrets - one signature each, separated by spaces, so that receivers may hold any of them while they rotate.
 * @param timestampSeconds - Unix time of this delivery, the same integer as in `webhook-timestamp`.
 * @param body - exactly what is sent; a string is sent as UTF-8.
 */
export function signCallback({ secrets, id, timestampSeconds, body }: SignedContent): string {
  const sign = (secret: string) =>
    createHmac('sha256', decodeKey(secret)).update(`${id}.${timestampSeconds}.`).update(body).digest('base64');
  return secrets.map((secret) => `v1,${sign(secret)}`).join(' ');
}

interface SignedContent {
  secrets: readonly string[];
  id: string;
  timestampSeconds: number;
  body: string | Uint8Array;
}

function decodeKey(secret: string): Buffer {
  return Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
}
