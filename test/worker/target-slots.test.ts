import { describe, expect, it } from 'vitest';
import { createTargetSlots } from '../../src/worker/target-slots.ts';

/** Slots, a clock for them, and ten deliveries to one target. */
function tenUnderWay() {
  let now = 1_000;
  const slots = createTargetSlots(() => now);
  const take = (target = 'a') => slots.take(target);
  const places = Array.from({ length: 10 }, () => take());
  return {
    take,
    places,
    pass: (ms: number) => {
      now += ms;
    },
    giveBack(place = places.shift()) {
      if (!place || !('giveBack' in place)) throw new Error('there is no place to give back');
      place.giveBack();
    },
    waits: (count: number) =>
      Array.from({ length: count }, () => {
        const slot = take();
        return 'waitMs' in slot ? slot.waitMs : 'a place';
      }),
  };
}

describe('the places of a target', () => {
  it('are ten; other targets have their own', () => {
    const { places, take, giveBack } = tenUnderWay();

    expect(places.every((place) => 'giveBack' in place)).toBe(true);
    expect(take()).toHaveProperty('waitMs');
    expect(take('b')).toHaveProperty('giveBack');
    giveBack();
    expect(take()).toHaveProperty('giveBack');
    expect(take()).toHaveProperty('waitMs');
  });

  it('come free at a pace that is first guessed: those without one come back one after the other', () => {
    expect(tenUnderWay().waits(5)).toEqual([20, 20, 30, 40, 50]); // 100 ms for ten
  });

  it('come free soon where deliveries are quick', () => {
    const { pass, places, giveBack, take, waits } = tenUnderWay();
    for (let i = 0; i < 50; i++) {
      pass(1); // each lasts 10 ms
      giveBack();
      places.push(take());
    }

    expect(waits(10)).toEqual(Array(10).fill(20));
  });

  it('are not asked for over and over where deliveries are slow', () => {
    const { pass, places, giveBack, take, waits } = tenUnderWay();
    pass(10_000);
    giveBack();
    places.push(take());

    expect(waits(3)).toEqual([208, 416, 624]); // 0.8 × 100 ms + 0.2 × 10 s, over ten places
    expect(waits(9).slice(-2)).toEqual([2_000, 2_000]);
  });
});
