import { describe, expect, it } from 'vitest';
import { partitionNames, placesOf } from '../../src/shared/partitions.ts';

const id = (slot: string) => `ver_${slot}${'0'.repeat(32)}` as const;

describe('partitions', () => {
  it('are named by their first slots, and keep their names when there are more', () => {
    expect(partitionNames(1)).toEqual(['0']);
    expect(partitionNames(4)).toEqual(['0', '40', '80', 'c0']);
    expect(partitionNames(256)).toHaveLength(256);
    for (const few of [1, 2, 4, 8, 16, 32, 64, 128]) {
      expect(partitionNames(few * 2)).toEqual(expect.arrayContaining(partitionNames(few)));
    }
  });

  it.each([
    ['00', 4, ['0']],
    ['3f', 4, ['0']],
    ['40', 4, ['40', '0']],
    ['9b', 4, ['80', '0']],
    ['ff', 4, ['c0', '80', '0']],
    ['9b', 1, ['0']],
    ['9b', 256, ['9b', '9a', '98', '90', '80', '0']],
  ])('hold slot %s of %i in %j, its own first', (slot, count, places) => {
    expect(placesOf(id(slot), count)).toEqual(places);
  });
});
