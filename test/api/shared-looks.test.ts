import { expect, it } from 'vitest';
import { createSharedLooks } from '../../src/api/shared-looks.ts';

/** Looks that end when the test says so, each with its number. */
function createBench() {
  const ends: ((failed?: Error) => void)[] = [];
  const look = createSharedLooks(() => {
    const n = ends.length;
    return new Promise<number>((resolve, reject) => {
      ends.push((failed) => (failed ? reject(failed) : resolve(n)));
    });
  });
  return { look, ends };
}

it('gives all who ask during a look the one that follows it', async () => {
  const { look, ends } = createBench();
  const first = look('a');
  const others = [look('a'), look('a'), look('a')];
  expect(ends).toHaveLength(1);

  ends[0]?.();
  expect(await first).toBe(0);
  await expect.poll(() => ends.length).toBe(2);
  const late = look('a');
  ends[1]?.();
  expect(await Promise.all(others)).toEqual([1, 1, 1]);

  await expect.poll(() => ends.length).toBe(3);
  ends[2]?.();
  expect(await late).toBe(2);
});

it('keeps apart what is asked of different things, and remembers nothing', async () => {
  const { look, ends } = createBench();
  const [a, b] = [look('a'), look('b')];
  for (const end of ends) end();
  expect(await Promise.all([a, b])).toEqual([0, 1]);

  const again = look('a');
  ends[2]?.();
  expect(await again).toBe(2);
});

it('tells a failure to those who shared it, and looks anew for the others', async () => {
  const { look, ends } = createBench();
  const first = look('a');
  const second = look('a');
  ends[0]?.(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await expect.poll(() => ends.length).toBe(2);
  ends[1]?.();
  expect(await second).toBe(1);
});
