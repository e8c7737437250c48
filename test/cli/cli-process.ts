import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** What the program wrote, and how it ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The program as a child process, its streams piped. */
export interface RunningCli {
  child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** What it has written so far. */
  output: { stdout: string; stderr: string };
  ended: Promise<Ended>;
}

/** Starts `ringback`; it sees this environment only, and neither a `.env` nor a service that `npm start` runs. */
export function startCli(args: readonly string[], env: Record<string, string> = {}): RunningCli {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'], RINGBACK_DATA_DIR: `${tmpdir()}/no-such-folder`, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (output.stdout += chunk));
  child.stderr.on('data', (chunk) => (output.stderr += chunk));
  const ended = once(child, 'close').then(([code]) => ({ code, ...output }));
  return { child, output, ended };
}

/** Runs it to its end, with nothing on standard input. */
export function runCli(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const { child, ended } = startCli(args, env);
  child.stdin.end();
  return ended;
}
