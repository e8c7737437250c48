import { run as tryRun } from '../../scripts/system.mjs';

/** Runs a command to its end. @throws {Error} with what it wrote, when it fails. */
export async function run(command: string, args: readonly string[], options: { cwd?: string } = {}): Promise<string> {
  const { ok, stdout, stderr } = await tryRun(command, args, options);
  if (!ok) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** Whether a container engine answers. */
export const hasEngine = (await tryRun('docker', ['info'], { timeout: 10_000 })).ok;

/** Compose as a part of Docker, or the program of its own that older systems have; undefined when there is neither. */
export const compose = await findCompose();

async function findCompose(): Promise<readonly [string, ...string[]] | undefined> {
  if (!hasEngine) return undefined;
  for (const command of [['docker', 'compose'], ['docker-compose']] as const) {
    const [program, ...args] = command;
    if ((await tryRun(program, [...args, 'version'])).ok) return command;
  }
  return undefined;
}
