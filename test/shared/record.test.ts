import { describe, expect, it } from 'vitest';
import { readRecord } from '../../src/shared/record.ts';

describe('a record', () => {
  it.each([
    ['1\n{}\n', { version: '1', tokens: [], doc: '{}', rest: '' }],
    ['12 b a\n[1]\none\ntwo\n', { version: '12 b', tokens: ['b', 'a'], doc: '[1]', rest: 'one\ntwo\n' }],
  ])('%j is read', (text, record) => {
    expect(readRecord(text)).toEqual(record);
  });

  it.each(['', '1', '1\n{}'])('%j is none', (text) => {
    expect(() => readRecord(text)).toThrow('a record is no header, document and rest');
  });
});
