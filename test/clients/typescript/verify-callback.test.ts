import { describe, expect } from 'vitest';
import {
  type CallbackFault,
  CallbackSignatureError,
  type SignedCallback,
  verifyCallback,
} from '../../../clients/typescript/src/index.ts';
import { signCallback } from '../../../src/shared/callback-signature.ts';
import { startCallbackReceiver } from '../../callback-receiver.ts';
import { CALLBACK_SECRET, MINUTE } from '../../fixtures.ts';
import { it, texted } from './fixtures.ts';

const OTHER_SECRET = `whsec_${btoa('x'.repeat(32))}`;
const NOW = Date.parse('2026-11-23T09:00:00Z');
const BODY = '{"type":"verification.approved","timestamp":"2026-11-23T09:00:00Z","data":{"note":"é"}}';

/** A callback signed now with the given secrets. */
function signed(secrets: readonly string[] = [CALLBACK_SECRET]): SignedCallback & { headers: Record<string, string> } {
  const content = { secrets, id: 'evt_1', timestampSeconds: NOW / 1000, body: BODY };
  const headers = {
    'webhook-id': content.id,
    'webhook-timestamp': `${content.timestampSeconds}`,
    'webhook-signature': signCallback(content),
  };
  return { secret: CALLBACK_SECRET, headers, body: BODY, now: NOW };
}

async function faultOf(callback: SignedCallback): Promise<CallbackFault | 'none'> {
  const error = await verifyCallback(callback).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error !== undefined && !(error instanceof CallbackSignatureError)) throw error;
  return error?.code ?? 'none';
}

describe('a callback', () => {
  it('is genuine as the service delivers it', async ({ service, ringback }) => {
    const { id } = await texted(service, ringback);
    const { headers, raw } = await service.receiver.event('verification.attempt.sent', id);
    const verified = await verifyCallback({ secret: CALLBACK_SECRET, headers, body: raw });

    expect(verified.id).toBe(headers['webhook-id']);
    if (verified.event.type !== 'verification.attempt.sent') throw new Error('another event');
    expect(verified.event.data.attempt).toMatchObject({ channel: 'sms', status: 'sent' });
    expect(verified.event.data.verification.id).toBe(id);
  });

  it('is genuine for holders of either secret while the service rotates', async ({ service, ringback }) => {
    const receiver = await startCallbackReceiver();
    const endpoint = await ringback.callbackEndpoints.create({ url: receiver.url });
    const { secret } = await ringback.callbackEndpoints.rotateSecret(endpoint.id);
    await ringback.callbackEndpoints.test(endpoint.id);
    const { headers, raw: body } = await receiver.first(({ body }) => body.type === 'callback_endpoint.test');
    await receiver.close();
    expect(service.env['CALLBACK_SECRET']).toBe(CALLBACK_SECRET);

    expect(await faultOf({ secret: endpoint.secret, headers, body })).toBe('none');
    expect(await faultOf({ secret, headers, body })).toBe('none');
    expect(await faultOf({ secret: CALLBACK_SECRET, headers, body })).toBe('no-matching-signature');
  });
});

describe('a signature', () => {
  it('fits any of several secrets, and any of several signatures', async () => {
    expect(await faultOf({ ...signed(), secret: [OTHER_SECRET, CALLBACK_SECRET] })).toBe('none');
    expect(await faultOf(signed([OTHER_SECRET, CALLBACK_SECRET]))).toBe('none');
    expect(await faultOf({ ...signed(), secret: OTHER_SECRET })).toBe('no-matching-signature');
  });

  it('is read from Fetch headers and over bytes', async () => {
    const { headers, ...rest } = signed();

    expect(await faultOf({ ...rest, headers: new Headers(headers), body: new TextEncoder().encode(BODY) })).toBe(
      'none',
    );
  });

  it('fits these bytes only', async () => {
    expect(await faultOf({ ...signed(), body: BODY.replace('é', 'e') })).toBe('no-matching-signature');
    expect(await faultOf({ ...signed(), body: JSON.stringify(JSON.parse(BODY), null, 1) })).toBe(
      'no-matching-signature',
    );
  });

  it.for(['webhook-id', 'webhook-timestamp'])('fits no other %s', async (name) => {
    const callback = signed();
    callback.headers[name] = `${callback.headers[name]}0`;

    expect(await faultOf(callback)).toBe('no-matching-signature');
  });

  it.for(['v1,', 'v1,%%', 'v1a,AAAA', 'AAAA', 'v2,', ','])('is not %j', async (forged) => {
    const callback = signed();
    const genuine = callback.headers['webhook-signature'] ?? '';
    callback.headers['webhook-signature'] = forged;
    expect(await faultOf(callback)).toBe('no-matching-signature');

    callback.headers['webhook-signature'] = `${forged} ${genuine}`;
    expect(await faultOf(callback)).toBe('none');
  });

  it('is not the right one under another version', async () => {
    const callback = signed();
    callback.headers['webhook-signature'] = String(callback.headers['webhook-signature']).replace('v1,', 'v2,');

    expect(await faultOf(callback)).toBe('no-matching-signature');
  });

  it.for(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('needs the header %s', async (name) => {
    const { [name]: _missing, ...headers } = signed().headers;

    expect(await faultOf({ ...signed(), headers })).toBe('missing-header');
    expect(await faultOf({ ...signed(), headers: { ...headers, [name]: '' } })).toBe('missing-header');
  });

  it.for([-1, 1])('holds for five minutes (%i)', async (direction) => {
    const at = (ms: number) => faultOf({ ...signed(), now: NOW + direction * ms });

    expect(await at(5 * MINUTE)).toBe('none');
    expect(await at(5 * MINUTE + 1)).toBe('timestamp-out-of-tolerance');
    expect(await faultOf({ ...signed(), now: NOW + direction * MINUTE, toleranceSeconds: 59 })).toBe(
      'timestamp-out-of-tolerance',
    );
  });

  it('is refused when its timestamp is no number', async () => {
    const content = { secrets: [CALLBACK_SECRET], id: 'evt_1', body: BODY };
    const signature = signCallback({ ...content, timestampSeconds: Number.NaN });
    const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': 'NaN', 'webhook-signature': signature };

    expect(await faultOf({ ...signed(), headers })).toBe('timestamp-out-of-tolerance');
  });

  it.for(['', 'whsec_', 'whsec_%', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', []])(
    'needs a secret, not %j',
    async (secret) => {
      const verifying = verifyCallback({ ...signed(), secret });

      await expect(verifying).rejects.toThrow(Array.isArray(secret) ? CallbackSignatureError : TypeError);
    },
  );
});
