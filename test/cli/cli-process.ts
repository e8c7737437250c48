import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { API_KEY, type Service } from '../fixtures.ts';

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
  return start(process.execPath, [MAIN, ...args], env);
}

/** Whether this machine has the `script` of util-linux, which runs a program in a terminal. */
export const HAS_TERMINAL = spawnSync('script', ['--version']).stdout?.toString().includes('util-linux') ?? false;

/** Starts it in a terminal of its own: both of its outputs come as `stdout`, and what is entered is typed. */
export function startInTerminal(args: readonly string[], env: Record<string, string> = {}): RunningCli {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  return start('script', ['-qefc', command, '/dev/null'], { TERM: 'xterm', ...env });
}

function start(program: string, args: readonly string[], env: Record<string, string>): RunningCli {
  const child = spawn(program, args, {
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

/** What a client needs to use a service. */
export function accessTo({ url }: Pick<Service, 'url'>): Record<string, string> {
  return { RINGBACK_URL: url, RINGBACK_API_KEY: API_KEY };
}

interface LiveEvent {
  event: string;
  verification?: { id: string; status: string };
  entry?: { type: string };
}

/** The JSON documents of a live output, one a line. */
export function eventsOf(stdout: string): LiveEvent[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}
