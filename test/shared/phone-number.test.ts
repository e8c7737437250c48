import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countryOf, E164, hashNumber, judgeNumber, maskNumber, slotOf } from '../../src/shared/phone-number.ts';

describe('judging a number', () => {
  it.each([
    ['+14045550123', 'US'],
    ['+16135550123', 'CA'],
    ['+15554422333', 'US'], // the area code of films
    ['+447700900000', 'GB'], // kept for fiction, as are the next two
    ['+447700900999', 'GB'],
    ['+441632960000', 'GB'],
    ['+441481960194', 'GG'],
    ['+16581234567', 'JM'],
    ['+390612345678', 'IT'],
    ['+79161234567', 'RU'],
    ['+77011234567', 'KZ'],
    ['+6834000', 'NU'],
    ['+80012345678', undefined], // freephone of no country
    ['+882161234567', undefined], // satellite
    ['+16445551234', undefined], // an unknown area of +1 may be any of its countries
  ])('accepts %s, of %s', (number, country) => {
    expect(judgeNumber(number)).toEqual({ ok: true, number, country });
    expect(countryOf(number)).toBe(country);
  });

  it.each([
    ['+1 (404) 555-0123', '+14045550123'],
    ['+1.404.555.0123', '+14045550123'],
    [' +14045550123\n', '+14045550123'],
    ['tel:+1-404-555-0123', '+14045550123'],
    ['(+44) 7700 900000', '+447700900000'],
    ['+44 7700–900000', '+447700900000'],
    ['\u202a+447700900000\u202c', '+447700900000'],
    ['＋４４７７００９０００００', '+447700900000'],
    ['00447700900000', '+447700900000'],
    ['0044 7700 900000', '+447700900000'],
    ['+44 (0)20 7946 0000', '+442079460000'],
    ['+4402079460000', '+442079460000'],
  ])('refuses %j with the form to write', (input, corrected) => {
    expect(judgeNumber(input)).toEqual({
      ok: false,
      code: 'not-e164',
      detail: `Write the number in E.164 form: ${corrected}.`,
    });
  });

  it.each(['4045550123', '14045550123', '(404) 555-0123', '020 7946 0000', '011447700900000', '8 916 123-45-67'])(
    'does not guess the country of %j',
    (input) => {
      expect(judgeNumber(input)).toEqual({
        ok: false,
        code: 'not-e164',
        detail:
          'The country code is missing: write "+" and the country code first, then digits only, such as +14045550123.',
      });
    },
  );

  it.each([
    '',
    '+',
    'hello',
    '+1-800-FLOWERS',
    '+1 404 555 0123 ext. 5',
    '+14045550123;ext=5',
    '+14045550123,+14045550124',
    '++14045550123',
    '+0044 7700 900000',
    '+1 404 555 012',
    '+999 1234567',
    '0099912345678',
    '+12',
    '0044',
    '4'.repeat(40),
    ` ${'4'.repeat(20_000)}`,
    '\u0000',
    `+1${' '.repeat(64)}4045550123`, // too long to look into
  ])('says what a number looks like, and not what it got (%#)', (input) => {
    expect(judgeNumber(input)).toEqual({
      ok: false,
      code: 'not-e164',
      detail:
        'This is not a phone number in E.164 form: write "+" and the country code first, then digits only, such as +14045550123.',
    });
  });

  it.each([
    ['+1404555012', 'No number with the country code +1 has this many digits.'],
    ['+140455501234', 'No number with the country code +1 has this many digits.'],
    ['+44770090000000', 'No number with the country code +44 has this many digits.'],
    ['+9991234567', 'No country has this calling code.'],
  ])('refuses %s, which no country can have', (input, detail) => {
    expect(judgeNumber(input)).toEqual({ ok: false, code: 'impossible-number', detail });
  });

  it('knows the country of a number, not of a text that holds one', () => {
    expect(countryOf('call +14045550123')).toBeUndefined();
  });

  it('repeats nothing of what was sent but a corrected number', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 80 }), fc.stringMatching(/^[+0-9 ()-]{0,80}$/)), (input) => {
        const judged = judgeNumber(input);
        if (judged.ok) return;
        const rest = judged.detail.replace('such as +14045550123', '').replace(/form: (\+\d{7,15})\.$/, '');
        expect(rest).not.toMatch(/\d{4}/);
      }),
    );
  });
});

describe('the E.164 schema', () => {
  it.each(['+1234567', '+123456789012345'])('takes %s', (text) => {
    expect(E164.safeParse(text).success).toBe(true);
  });

  it.each(['+123456', '+1234567890123456', '+0234567', '1234567', '+1234567\n', '+1 234567', ''])(
    'refuses %j',
    (text) => {
      expect(E164.safeParse(text).success).toBe(false);
    },
  );
});

describe('masking a number', () => {
  it.each([
    ['+14045550123', '+1••••••••23'],
    ['+447700900123', '+44••••••••23'],
    ['+6834000', '+683••00'],
    ['+9991234567', '+••••••••67'], // a calling code of nobody: nothing of it is shown
    ['+1', '+1'],
  ])('%s becomes %s', (number, masked) => {
    expect(maskNumber(number)).toBe(masked);
  });
});

describe('hashing a number', () => {
  it('is the first half of an HMAC-SHA256 in hex, different for every key', () => {
    const expected = createHmac('sha256', 'a key').update('+14045550123').digest('hex').slice(0, 32);

    expect(hashNumber('a key', '+14045550123')).toBe(expected);
    expect(hashNumber(Buffer.from('a key'), '+14045550123')).toBe(expected);
    expect(hashNumber('another key', '+14045550123')).not.toBe(expected);
  });

  it('gives the slot as two hex digits', () => {
    expect(slotOf('0f'.padEnd(64, 'a'))).toBe('0f');
    expect(slotOf(hashNumber('a key', '+14045550123'))).toMatch(/^[0-9a-f]{2}$/);
  });
});
