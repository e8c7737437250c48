import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { VerificationId } from '../../src/shared/ids.ts';
import { createNumberCipher, type EncryptionKey, isSealed } from '../../src/shared/number-cipher.ts';

const NUMBER = '+14045550123';
const ID: VerificationId = `ver_${'a'.repeat(34)}`;
const OTHER_ID: VerificationId = `ver_${'b'.repeat(34)}`;
const key = (id: string, byte: number): EncryptionKey => ({ id, key: Buffer.alloc(32, byte) });

function cipherOf(...ring: EncryptionKey[]) {
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => logged.push(line) });
  return { ...createNumberCipher(ring, log), logged };
}

describe('a number that is stored', () => {
  it('is sealed with the first key and opened with it', () => {
    const { seal, open } = cipherOf(key('new', 1), key('old', 2));

    const sealed = seal(NUMBER, ID);

    expect(sealed).toMatch(/^sealed:new:/);
    expect(sealed).not.toContain(NUMBER.slice(1));
    expect(open(sealed, ID)).toBe(NUMBER);
    expect(cipherOf(key('new', 1)).open(sealed, ID)).toBe(NUMBER);
  });

  it('is opened by any key of the ring', () => {
    const sealed = cipherOf(key('old', 2)).seal(NUMBER, ID);

    expect(cipherOf(key('new', 1), key('older', 3), key('old', 2)).open(sealed, ID)).toBe(NUMBER);
  });

  it('looks different each time', () => {
    const { seal } = cipherOf(key('k', 1));

    expect(new Set(Array.from({ length: 20 }, () => seal(NUMBER, ID))).size).toBe(20);
  });

  it('stays as it is without a key, and is read as it is with one', () => {
    expect(cipherOf().seal(NUMBER, ID)).toBe(NUMBER);
    expect(cipherOf(key('k', 1)).open(NUMBER, ID)).toBe(NUMBER);
  });

  it('opens for its own verification only', () => {
    const { seal, open } = cipherOf(key('k', 1));

    expect(isSealed(open(seal(NUMBER, ID), OTHER_ID))).toBe(true);
  });

  it('does not open when a single bit of it was changed', () => {
    const { seal, open } = cipherOf(key('k', 1));
    const [prefix = '', id = '', encoded = ''] = seal(NUMBER, ID).split(':');
    const bytes = Buffer.from(encoded, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(isSealed(open(`${prefix}:${id}:${changed.toString('base64url')}`, ID))).toBe(true);
    }
  });

  it.each(['sealed:', 'sealed:k', 'sealed:k:', 'sealed:k:AAAA', 'sealed:k:!'])(
    'stays sealed when it is %j',
    (stored) => {
      expect(isSealed(cipherOf(key('k', 1)).open(stored, ID))).toBe(true);
    },
  );

  it.each([
    ['is missing', [key('new', 1)]],
    ['is another one', [key('old', 3)]],
    ['is not there at all', []],
  ])('says which key it needs when that one %s, once', (_why, ring) => {
    const sealed = cipherOf(key('old', 2)).seal(NUMBER, ID);
    const { open, seal, logged } = cipherOf(...ring);

    expect(open(sealed, ID)).toBe(sealed);
    expect(open(sealed, ID)).toBe(sealed);
    expect(seal(sealed, ID)).toBe(sealed); // and is not sealed once more

    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain('put the right key \\"old\\" back into ENCRYPTION_KEYS');
  });
});
