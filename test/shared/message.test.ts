import { describe, expect, it } from 'vitest';
import { judgeMessage } from '../../src/shared/message.ts';

const codeOf = (message: string, codeLength = 6) => {
  const judged = judgeMessage({ message, codeLength });
  return judged.ok ? 'ok' : judged.code;
};

const GSM_WITHOUT_ESCAPE =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';

describe('judging a message', () => {
  it('counts a space and the code into the 160 characters of a text', () => {
    expect(codeOf('x'.repeat(153), 6)).toBe('ok');
    expect(codeOf('x'.repeat(154), 6)).toBe('message-too-long');
    expect(codeOf('x'.repeat(139), 20)).toBe('ok');
    expect(codeOf('x'.repeat(140), 20)).toBe('message-too-long');
  });

  it('takes the whole GSM alphabet as one character each', () => {
    expect([...GSM_WITHOUT_ESCAPE]).toHaveLength(127);
    expect(codeOf(GSM_WITHOUT_ESCAPE + 'x'.repeat(26))).toBe('ok');
    expect(codeOf(GSM_WITHOUT_ESCAPE + 'x'.repeat(27))).toBe('message-too-long');
  });

  it.each([...'^{}\\[~]|€\f'])('counts %j as two', (character) => {
    expect(codeOf(character + 'x'.repeat(151))).toBe('ok');
    expect(codeOf(character + 'x'.repeat(152))).toBe('message-too-long');
  });

  it.each(['ç', '’', '`', 'ω', '日', '\u00a0'])('with %j only 70 characters fit', (character) => {
    expect(codeOf(character + 'x'.repeat(62))).toBe('ok');
    expect(codeOf(character + 'x'.repeat(63))).toBe('message-too-long');
  });

  it('counts an emoji as the two UCS-2 units that it is', () => {
    expect(codeOf(`🔑${'x'.repeat(61)}`)).toBe('ok');
    expect(codeOf(`🔑${'x'.repeat(62)}`)).toBe('message-too-long');
  });

  it('says by how much a message is too long, and which character made the limit 70', () => {
    expect(judgeMessage({ message: 'x'.repeat(160), codeLength: 6 })).toEqual({
      ok: false,
      code: 'message-too-long',
      detail:
        'With a space and the 6 characters of the code, the message takes 167 of the 160 characters of one SMS segment: shorten it by 7.',
    });
    expect(judgeMessage({ message: `it’s ${'x'.repeat(60)}`, codeLength: 6 })).toEqual({
      ok: false,
      code: 'message-too-long',
      detail:
        'With a space and the 6 characters of the code, the message takes 72 of the 70 characters of one SMS segment ("’" is outside the GSM alphabet, so a segment holds 70): shorten it by 2.',
    });
  });

  it.each(['', ' ', '\n', '\u00a0\t'])('refuses %j as empty', (message) => {
    expect(codeOf(message)).toBe('message-empty');
  });

  it.each(['\u0000', '\t', '\v', '\u001b', '\u007f', '\u0085', '\ud800'])(
    'refuses the control character %j',
    (character) => {
      expect(codeOf(`Your${character}code`)).toBe('message-control-character');
    },
  );

  it.each(['\n', '\r\n', '\f'])('lets %j break the text', (character) => {
    expect(codeOf(`Acme${character}Your code is`)).toBe('ok');
  });

  it.each(['{code}', '{{code}}', '{Code}', '{{ CODE }}', '{\u00a0code }'])(
    'refuses the placeholder %j',
    (placeholder) => {
      expect(judgeMessage({ message: `Your code is ${placeholder}`, codeLength: 6 })).toEqual({
        ok: false,
        code: 'message-placeholder',
        detail: 'The message holds a placeholder for the code: leave it out, the code is put after the message.',
      });
    },
  );

  it.each(['Your code is:', 'Your {company} code', 'code', '{co de}'])('lets %j pass', (message) => {
    expect(codeOf(message)).toBe('ok');
  });
});
