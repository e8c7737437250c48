import { z } from 'zod';

const UNITS_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
const DURATION = /^(\d{1,15})(ms|[smhd])$/;

/** A duration as configuration writes it, `<integer>(ms|s|m|h|d)`, parsed to milliseconds. */
export const Duration = z.string().transform((text, ctx) => {
  const [, digits = '', unit] = DURATION.exec(text) ?? [];
  const ms = unit === undefined ? Number.NaN : Number(digits) * UNITS_MS[unit as keyof typeof UNITS_MS];
  if (Number.isSafeInteger(ms)) return ms;
  ctx.addIssue('not a duration: write an integer and its unit (ms, s, m, h or d), such as 45s');
  return z.NEVER;
});

/** Writes milliseconds in the largest unit that holds them exactly, so that {@link Duration} reads the same value back. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  for (const [unit, size] of Object.entries(UNITS_MS)) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** Writes a span of time for people: "412 ms", "3.1 s", "45 s", "10 min", "1 h 30 min", "30 d". */
export function formatSpan(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`;
  const [big, bigUnit, small, smallUnit] =
    ms < 3_600_000
      ? ([60_000, 'min', 1_000, 's'] as const)
      : ms < 86_400_000
        ? ([3_600_000, 'h', 60_000, 'min'] as const)
        : ([86_400_000, 'd', 3_600_000, 'h'] as const);
  const whole = Math.floor(ms / big);
  const rest = Math.floor((ms % big) / small);
  return rest === 0 ? `${whole} ${bigUnit}` : `${whole} ${bigUnit} ${rest} ${smallUnit}`;
}
