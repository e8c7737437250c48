import { type Options, UsageError } from './command.ts';
import { type Output, toTable, visible } from './output.ts';

/** What every list takes. */
export const PAGE_OPTIONS = {
  limit: { type: 'string', value: 'N', help: 'how many, 1 to 100 (20)' },
  cursor: { type: 'string', value: 'CURSOR', help: 'goes on where the list before ended' },
} as const satisfies Options;

export function readPage({ limit, cursor }: { limit?: string; cursor?: string }) {
  if (limit !== undefined && !/^\d{1,3}$/.test(limit)) throw new UsageError('--limit is a whole number from 1 to 100.');
  return { limit: limit === undefined ? undefined : Number(limit), cursor };
}

/** Prints a list as a table, or as the API gave it. */
export function printPage<Item>(
  page: { data: readonly Item[]; next_cursor: string | null },
  output: Output,
  headings: readonly string[],
  toRow: (item: Item) => readonly string[],
): void {
  if (output.json) {
    output.printDocument(page);
    return;
  }
  const rows = page.data.map((item) => toRow(item).map(visible));
  for (const line of rows.length > 0 ? toTable([headings, ...rows]) : ['None.']) output.print(line);
  if (page.next_cursor !== null) output.note(`There are more: --cursor ${page.next_cursor}`);
}
