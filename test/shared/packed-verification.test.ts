import { describe, expect, it } from 'vitest';
import { packVerification, unpackVerification } from '../../src/shared/packed-verification.ts';
import type { OpenVerification } from '../../src/shared/verification.ts';
import { draftOf, START } from './verification-builder.ts';

const readAgain = (v: OpenVerification, to = v.to) => unpackVerification(v.id, packVerification(v, to));

describe('a packed verification', () => {
  it('is short: no names, no defaults, times from its making', () => {
    const plain = { ...draftOf(), reference: null, metadata: {} };
    expect(packVerification(plain, plain.to)).toBe(
      `[1,${START},600000,"acme","+447700900123",3,"hash","GB","queued",0,null,0,0,[["sms",45],["call"]],[],{}]`,
    );
  });

  it('keeps what is not as usual', () => {
    const v: OpenVerification = {
      ...draftOf(),
      client: 'a hash',
      rateLimitKeys: { user: 'another' },
      origin: { request_id: 'r' },
      from: '+14045550100',
      message: 'Your code is {code}',
      codeLength: 8,
      codeType: 'alphanumeric',
      callbackUrl: 'https://client.example/',
      stepStartedAt: START + 5,
      timerAt: START + 45_005,
      maxSends: 3,
      checks: { used: 2, max: 7, inFlight: [{ token: 't', at: START + 9 }] },
      lastTryMisconfigured: true,
    };
    expect(readAgain(v)).toEqual(v);
  });

  it.each([
    ['full', '+447700900123', '+44••••••••23', '+447700900123'],
    ['masked otherwise than by this release', '+447700900123', '+4•••', '+447700900123'],
    ['dropped', '+44••••••••23', '+44••••••••23', '+44••••••••23'],
    ['sealed', '+447700900123', '+44••••••••23', 'sealed:k1:AbC'],
  ])('keeps the masked number of one that is %s', (_, to, masked, kept) => {
    expect(readAgain({ ...draftOf(), to, masked }, kept)).toMatchObject({ to: kept, masked });
  });

  it('may carry what a later release has added', () => {
    const v = draftOf();
    const packed = JSON.parse(packVerification(v, v.to));
    packed.at(-1).later = true;
    expect(unpackVerification(v.id, JSON.stringify([...packed, 'later']))).toEqual(v);
  });

  it.each(['{"schema":1}', '[1]', '[2]', 'null'])('%s is none', (packed) => {
    expect(() => unpackVerification(draftOf().id, packed)).toThrow();
  });
});
