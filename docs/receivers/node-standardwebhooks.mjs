// Verifies a callback of Ringback with the package of Standard Webhooks: npm install standardwebhooks
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';

/**
 * @param {string} secret - `whsec_…`
 * @param {Record<string, string>} headers
 * @param {string | Buffer} body - as it came, before anything parses it
 * @returns the event
 * @throws {Error} when Ringback did not send it, or not just now.
 */
export function verifyCallback(secret, headers, body) {
  return new Webhook(secret).verify(body, headers);
}

// Run by itself it checks one callback, {"headers": {…}, "body": "…"} on standard input.
if (process.argv[1] === import.meta.filename) {
  const { headers, body } = JSON.parse(readFileSync(0, 'utf8'));
  const { CALLBACK_SECRET = '' } = process.env;
  try {
    const event = verifyCallback(CALLBACK_SECRET, headers, body);
    process.stdout.write(`valid: ${event.type} of ${event.timestamp}\n`);
  } catch (error) {
    process.stdout.write(`invalid: ${error.message}\n`);
    process.exitCode = 1;
  }
}
