import type { Env } from './env.ts';

const COLOURS = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, dim: 2 } as const;
export type Colour = keyof typeof COLOURS;

/** A stream to write to, a terminal or not. */
type Sink = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

/** What stays at the bottom of a terminal while lines are printed above it. */
export interface BottomLine {
  clear(): void;
  draw(): void;
}

/**
 * Where a command writes. Its result goes to standard output: text for people, or JSON for programs, never both. What
 * only a terminal can show (spinner, prompt) goes to standard error.
 */
export interface Output {
  readonly json: boolean;
  /** Standard error, when it is a terminal that can be drawn on and the output is for people. */
  readonly terminal: Sink | undefined;
  /** A line for people. */
  print(line?: string): void;
  /** The one JSON document of a command. */
  printDocument(value: unknown): void;
  /** One JSON document of many, on a line of its own. */
  printLine(value: unknown): void;
  /** Something that is not part of the result. */
  note(line: string): void;
  paint(colour: Colour, text: string): string;
  /** Keeps a line at the bottom until the function that is returned takes it away. */
  keepAtBottom(line: BottomLine): () => void;
}

interface Deps {
  stdout: Sink;
  stderr: Sink;
  json: boolean;
  env: Env;
}

export function createOutput({ stdout, stderr, json, env }: Deps): Output {
  const dumb = env['TERM'] === 'dumb';
  const coloured = !json && stdout.isTTY === true && !dumb && !env['NO_COLOR'];
  let bottom: BottomLine | undefined;

  function write(sink: Sink, text: string): void {
    bottom?.clear();
    sink.write(`${text}\n`);
    bottom?.draw();
  }

  return {
    json,
    terminal: stderr.isTTY === true && !dumb && !json ? stderr : undefined,
    print: (line = '') => write(stdout, line),
    printDocument: (value) => write(stdout, JSON.stringify(value, null, 2)),
    printLine: (value) => write(stdout, JSON.stringify(value)),
    note: (line) => write(stderr, line),
    paint: (colour, text) => (coloured ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text),
    keepAtBottom(line) {
      bottom = line;
      line.draw();
      return () => {
        line.clear();
        bottom = undefined;
      };
    },
  };
}

/** Rows in columns that are as wide as their widest cell; the last one is not filled up. */
export function toTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => [...(row[column] ?? '')].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - [...cell].length)))
      .join('  ')
      .trimEnd(),
  );
}

/** A text from elsewhere, without what would steer the terminal. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to take out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd');
}
