import type { Output } from './output.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
const FRAME_MS = 80;

/** Turns at the beginning of a line; it never stops by itself. */
export function createFrames(): () => string {
  let turn = 0;
  return () => FRAMES[turn++ % FRAMES.length] ?? FRAMES[0];
}

/**
 * Shows that something goes on, in a terminal; elsewhere it shows nothing.
 *
 * @param say - the words beside it, asked for anew on every turn.
 * @returns what takes it away again.
 */
export function startSpinner(output: Output, say: () => string): () => void {
  const { terminal } = output;
  if (terminal === undefined) return () => {};
  const frame = createFrames();
  const clear = () => void terminal.write('\r\x1b[2K');
  const draw = () => void terminal.write(`\r\x1b[2K${shorten(`${frame()} ${say()}`, terminal.columns)}`);
  const remove = output.keepAtBottom({ clear, draw });
  const timer = setInterval(draw, FRAME_MS).unref();
  return () => {
    clearInterval(timer);
    remove();
  };
}

/** A line that wrapped could not be taken away again. */
function shorten(line: string, width: number | undefined): string {
  const columns = width || 80; // a terminal may not know its width
  return line.length < columns ? line : `${line.slice(0, columns - 2)}…`;
}
