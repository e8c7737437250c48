import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A process of the service, or any other that says when it is ready. */
export type Program = 'api' | 'worker' | URL;

/** A process of the service as `npm run api` or `npm run worker` starts it. */
export interface ServiceProcess {
  child: ChildProcess;
  /** Everything it wrote. */
  output(): string;
  /** Where the API listens. */
  url: string;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/**
 * Starts a process and waits until it says that it is ready.
 *
 * @throws when it ends instead, with what it wrote.
 */
export async function startProcess(program: Program, env: Record<string, string>): Promise<ServiceProcess> {
  const process = spawnProcess(program, env);
  const ready = once(process.child, 'message').then(([message]) => message as { url?: string });
  const outcome = await Promise.race([ready, process.exited]);
  if ('code' in outcome) throw new Error(`${program} ended with ${outcome.code}: ${process.output()}`);
  return { ...process, url: 'url' in outcome ? String(outcome.url) : '' };
}

/** Starts a process that may well end at once. */
export function spawnProcess(program: Program, env: Record<string, string>): Omit<ServiceProcess, 'url'> {
  const child = spawn(
    process.execPath,
    [program instanceof URL ? fileURLToPath(program) : `${ROOT}src/${program}/main.ts`],
    {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  return { child, output: () => output, exited };
}
