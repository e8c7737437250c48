import { describe, expect, it } from 'vitest';
import {
  attemptIdOf,
  isCallbackId,
  isVerificationId,
  newCallbackId,
  newEventId,
  newVerificationId,
  randomHex,
  slotOfId,
} from '../../src/shared/ids.ts';

const verification = newVerificationId('c4', () => '0'.repeat(32));

describe('ids', () => {
  it('carry the slot of their verification, whatever they name', () => {
    const all = [
      verification,
      attemptIdOf(verification, 3),
      newEventId(verification, randomHex),
      newCallbackId(verification, randomHex),
    ];
    expect(all.map(slotOfId)).toEqual(['c4', 'c4', 'c4', 'c4']);
  });

  it('of attempts follow from the verification and their place', () => {
    expect(attemptIdOf(verification, 0)).toBe(`att_c4${'0'.repeat(32)}00`);
    expect(attemptIdOf(verification, 27)).toBe(`att_c4${'0'.repeat(32)}1b`);
  });

  it('are known by their form, so that nothing else becomes the name of a key', () => {
    expect(isVerificationId(verification)).toBe(true);
    expect(isCallbackId(newCallbackId(verification, randomHex))).toBe(true);
    for (const text of [
      '',
      'ver_',
      `${verification}0`,
      `x${verification}`,
      verification.toUpperCase(),
      `${verification}\n`,
    ]) {
      expect(isVerificationId(text)).toBe(false);
      expect(isCallbackId(text.replace('ver_', 'cb_'))).toBe(false);
    }
    expect(isVerificationId(verification.replace('ver_', 'cb_'))).toBe(false);
  });

  it('are random: two are never the same', () => {
    const many = Array.from({ length: 1_000 }, () => newVerificationId('00', randomHex));
    expect(new Set(many).size).toBe(1_000);
    expect(many.every(isVerificationId)).toBe(true);
  });
});
