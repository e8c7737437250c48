import { availableParallelism, cpus, totalmem } from 'node:os';

/** One line of the table. */
export interface Row {
  what: string;
  target: string;
  /** The ratio or the time, in words. */
  figure: string;
  /** Whether the target is met; undefined: there is none, or it was not measured in full. */
  met?: boolean | undefined;
  /** The rounds behind it, and absolute figures beside their yardstick. */
  detail: string;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param q - from 0 to 1. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const below = sorted[Math.floor(place)] ?? 0;
  return below + ((sorted[Math.ceil(place)] ?? below) - below) * (place % 1);
}

/** p50, p95, p99 and the largest, in milliseconds. */
export function spread(values: readonly number[]): string {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantile(values, q).toFixed(1));
  return `p50 ${p50}, p95 ${p95}, p99 ${p99}, largest ${Math.max(...values).toFixed(1)} ms; n = ${values.length}`;
}

export const perSecond = (value: number) => `${Math.round(value).toLocaleString('en')}/s`;
export const rounds = (values: readonly number[]) => values.map(perSecond).join(', ');

/** One line of the report: the figure, and the rounds that it is the median of. */
export function say(what: string, figure: string, values: readonly number[]): void {
  const each = values.map((ms) => Math.round(ms)).join(', ');
  process.stdout.write(`${what.padEnd(48)} ${figure.padStart(12)}   (rounds: ${each} ms)\n`);
}

export function machine(): string {
  const [cpu] = cpus();
  return `${availableParallelism()} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}`;
}

export function markdownTable(rows: readonly Row[]): string {
  const mark = ({ met }: Row) => (met === undefined ? '' : met ? ' ✓' : ' ✗');
  return [
    '| what | target | measured | detail |',
    '|---|---|---|---|',
    ...rows.map((row) => `| ${row.what} | ${row.target} | **${row.figure}**${mark(row)} | ${row.detail} |`),
  ].join('\n');
}
