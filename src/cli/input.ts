import { clearLine, createInterface, cursorTo, moveCursor } from 'node:readline';
import type { Context } from './command.ts';
import { createFrames } from './spinner.ts';

const FRAME_MS = 100;

interface Options {
  /** The words of the prompt, asked for anew on every turn. */
  say: () => string;
  onLine: (line: string) => void;
}

/**
 * Reads lines: in a terminal behind a prompt that stays at the bottom, with a spinner; else one after another.
 *
 * @returns what ends the reading.
 */
export function readInput({ stdin, output, interrupt }: Context, { say, onLine }: Options): () => void {
  const { terminal } = output;
  if (terminal === undefined || !stdin.isTTY) {
    const lines = createInterface({ input: stdin });
    lines.on('line', onLine);
    return () => lines.close();
  }

  const lines = createInterface({ input: stdin, output: terminal, terminal: true, historySize: 0 });
  const frame = createFrames();
  const clear = () => {
    cursorTo(terminal, 0);
    clearLine(terminal, 0);
  };
  const draw = () => {
    lines.setPrompt(`${frame()} ${say()}: `);
    lines.prompt(true);
  };
  const release = output.keepAtBottom({ clear, draw });
  const timer = setInterval(draw, FRAME_MS);
  lines.on('line', (line) => {
    moveCursor(terminal, 0, -1); // a code does not stay on the screen
    clear();
    onLine(line);
    draw();
  });
  lines.on('SIGINT', interrupt); // in raw mode Ctrl-C is a key
  lines.once('close', interrupt); // Ctrl-D
  return () => {
    clearInterval(timer);
    lines.off('close', interrupt);
    release();
    lines.close();
  };
}
