export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** One line of the report: the figure, and the rounds that it is the median of. */
export function say(what: string, figure: string, rounds: readonly number[]): void {
  const each = rounds.map((ms) => Math.round(ms)).join(', ');
  process.stdout.write(`${what.padEnd(48)} ${figure.padStart(12)}   (rounds: ${each} ms)\n`);
}
