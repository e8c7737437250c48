import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { isCallbackSecret, signCallback } from '../../src/shared/callback-signature.ts';

const secretOf = (key: Uint8Array) => `whsec_${Buffer.from(key).toString('base64')}`;
const secret = fc.uint8Array({ minLength: 24, maxLength: 64 }).map(secretOf);

describe('the signature of a callback', () => {
  it('is the one that the Standard Webhooks library makes', () => {
    fc.assert(
      fc.property(secret, fc.nat(4_000_000_000), fc.string({ unit: 'grapheme' }), (key, timestampSeconds, body) => {
        const expected = new Webhook(key).sign('evt_1', new Date(timestampSeconds * 1000), body);

        expect(signCallback({ secrets: [key], id: 'evt_1', timestampSeconds, body })).toBe(expected);
      }),
    );
  });

  it('is the same for a string and for its UTF-8 bytes', () => {
    const content = { secrets: [secretOf(Buffer.alloc(32, 1))], id: 'evt_1', timestampSeconds: 1_795_000_000 };

    expect(signCallback({ ...content, body: Buffer.from('{"a":"ü"}') })).toBe(
      signCallback({ ...content, body: '{"a":"ü"}' }),
    );
  });

  it('verifies with each of several secrets, and with no other', () => {
    const [next, current, another] = [1, 2, 3].map((byte) => secretOf(Buffer.alloc(32, byte))) as [
      string,
      string,
      string,
    ];
    const timestampSeconds = Math.floor(Date.now() / 1000);
    const body = '{"type":"verification.approved"}';
    const headers = {
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(timestampSeconds),
      'webhook-signature': signCallback({ secrets: [next, current], id: 'evt_1', timestampSeconds, body }),
    };

    expect(new Webhook(next).verify(body, headers)).toEqual({ type: 'verification.approved' });
    expect(new Webhook(current).verify(body, headers)).toEqual({ type: 'verification.approved' });
    expect(() => new Webhook(another).verify(body, headers)).toThrow('No matching signature found');
  });
});

describe('a callback secret', () => {
  it('is whsec_ and the base64 of 24 to 64 bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (key) => {
        expect(isCallbackSecret(secretOf(key))).toBe(key.length >= 24 && key.length <= 64);
      }),
    );
  });

  it.each([
    ['without its prefix', Buffer.alloc(32).toString('base64')],
    ['with the prefix of another kind', `whsk_${Buffer.alloc(32).toString('base64')}`],
    ['in hexadecimal', `whsec_${Buffer.alloc(32, 0xab).toString('hex')}=`],
    ['in base64url', `whsec_${Buffer.alloc(33, 0xfb).toString('base64url')}`],
    ['without its padding', `whsec_${Buffer.alloc(32).toString('base64url')}`],
    ['with white space', ` whsec_${Buffer.alloc(32).toString('base64')}`],
    ['with a line break at the end', `whsec_${Buffer.alloc(33).toString('base64')}\n`],
    ['of nothing', 'whsec_'],
  ])('is none %s', (_, text) => {
    expect(isCallbackSecret(text)).toBe(false);
  });
});
