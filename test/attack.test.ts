import { expect, it } from 'vitest';
import { runAttacks } from '../attack/run.ts';

const TIMEOUT_MS = 180_000;

it('lets nothing through that an attacker tries', { timeout: TIMEOUT_MS }, async () => {
  const results = await runAttacks(true);

  for (const { name, tried, through, control } of results) {
    expect({ name, through, control }).toEqual({ name, through: [], control: true });
    expect(tried).toBeGreaterThan(0);
  }
});
