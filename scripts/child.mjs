// One process of the stack: its output goes to a log file, and what a reader must see to the terminal.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

const PINO_WARN = 40;
const PINO_ERROR = 50;
const TAIL_LINES = 15;

/**
 * @typedef {object} Child
 * @property {string} name
 * @property {Promise<string | undefined>} ready - its URL, if it listens; never settles when it ends before
 * @property {Promise<string>} ended - how, in words: `with exit code 1`
 * @property {() => number} exitCode - of a process that has ended; 1 when a signal ended it
 * @property {() => string[]} tail - its last lines that the terminal has not seen
 * @property {(message: object) => void} tell - sends it a message, if it still listens
 * @property {(signal: NodeJS.Signals) => void} kill - signals it; SIGKILL reaches its whole process group
 */

/**
 * Starts a process that tells its parent over IPC once it is ready: `{ type: 'ready' }` or `{ type: 'listening', url }`.
 * It ends by itself when the channel closes, so that it does not outlive a killed launcher.
 *
 * @param {object} options
 * @param {string} options.name - shown in front of its lines
 * @param {string} options.node
 * @param {string} options.script
 * @param {string} options.cwd
 * @param {NodeJS.ProcessEnv} options.env
 * @param {string} options.logFile - appended to
 * @param {(line: string) => void} options.show
 * @param {(type: unknown) => void} [options.onMessage] - told the type of whatever else it says
 * @returns {Child}
 */
export function startChild({ name, node, script, cwd, env, logFile, show, onMessage }) {
  // In a process group of its own: a Ctrl-C must reach the launcher only, which stops the processes in order.
  const child = spawn(node, [script], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const file = createWriteStream(logFile, { flags: 'a' });
  /** @type {string[]} */
  const hidden = [];

  createInterface({ input: /** @type {import('node:stream').Readable} */ (child.stdout) }).on('line', (line) => {
    file.write(`${line}\n`);
    const notice = readNotice(line);
    if (notice !== undefined) show(`[${name}] ${notice}`);
    else if (hidden.push(line) > TAIL_LINES) hidden.shift();
  });
  createInterface({ input: /** @type {import('node:stream').Readable} */ (child.stderr) }).on('line', (line) => {
    file.write(`${line}\n`);
    show(`[${name}] ${line}`);
  });

  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(`because it could not be started: ${error.message}`));
    child.once('close', (code, signal) => {
      file.end();
      resolve(signal ? `by ${signal}` : `with exit code ${code}`);
    });
  });
  const ready = new Promise((resolve) => {
    child.on('message', (message) => {
      const { type, url } = /** @type {{ type?: unknown, url?: string }} */ (message);
      if (type === 'ready' || type === 'listening') resolve(url);
      else onMessage?.(type);
    });
  });

  return {
    name,
    ready,
    ended,
    exitCode: () => child.exitCode ?? 1,
    tail: () => [...hidden],
    tell: (message) => {
      if (child.connected) child.send(message, () => {}); // it may end at this very moment
    },
    kill: (signal) => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      process.kill(signal === 'SIGKILL' ? -child.pid : child.pid, signal);
    },
  };
}

/**
 * What the terminal shows of a log line.
 *
 * @param {string} line - of pino's, or whatever else a process prints
 * @returns {string | undefined} undefined when it stays in the log file
 */
export function readNotice(line) {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, msg, err } = JSON.parse(line);
    if (!(level >= PINO_WARN)) return undefined;
    const parts = [msg, err?.message].filter((part, index, all) => part && all.indexOf(part) === index);
    return `${level >= PINO_ERROR ? 'error' : 'warning'}: ${parts.join(': ')}`;
  } catch {
    return undefined;
  }
}
