// Verifies a callback of Ringback with Node.js alone.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

const TOLERANCE_SECONDS = 5 * 60;

/**
 * @param {string} secret - `whsec_…`
 * @param {import('node:http').IncomingHttpHeaders} headers - by their names in lower case
 * @param {string | Buffer} body - as it came, before anything parses it
 * @returns the event
 * @throws {Error} when Ringback did not send it, or not just now.
 */
export function verifyCallback(secret, headers, body) {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  if (key.length < 24) throw new Error('the secret is not the whsec_ one of CALLBACK_SECRET');
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (!id || !timestamp || !signatures) throw new Error('a webhook header is missing');

  const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body);
  const expected = Buffer.from(`v1,${hmac.digest('base64')}`);
  const matches = String(signatures)
    .split(' ')
    .map((signature) => Buffer.from(signature))
    .some((signature) => signature.length === expected.length && timingSafeEqual(signature, expected));
  if (!matches) throw new Error('no signature matches');

  const age = Date.now() / 1000 - Number(timestamp);
  if (!(Math.abs(age) <= TOLERANCE_SECONDS)) throw new Error(`the timestamp is ${Math.round(age)} s old`);
  return JSON.parse(String(body));
}

// Run by itself it checks one callback, {"headers": {…}, "body": "…"} on standard input.
if (process.argv[1] === import.meta.filename) {
  const { headers, body } = JSON.parse(readFileSync(0, 'utf8'));
  const { CALLBACK_SECRET = '' } = process.env;
  try {
    const event = verifyCallback(CALLBACK_SECRET, headers, body);
    process.stdout.write(`valid: ${event.type} of ${event.timestamp}\n`);
  } catch (error) {
    process.stdout.write(`invalid: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
