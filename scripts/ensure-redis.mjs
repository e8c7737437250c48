// A Redis of our own, on a free port of this machine, for as long as its owner runs.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { acquireLock, identify, isAlive, LockedError, readLock } from './process-lock.mjs';
import { findRedis } from './redis-program.mjs';
import { findFreePort } from './system.mjs';

const TEMPORARY_PREFIX = 'ringback-redis-';
const LOCK_FILE = 'redis.lock';
const LOG_FILE = 'redis.log';
const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 25;
const PORT_TRIES = 3;

/**
 * @typedef {object} EmbeddedRedis
 * @property {string} url
 * @property {number} pid
 * @property {string} label - what runs, for a reader
 * @property {Promise<void>} exited - resolves when the server has ended, for whatever reason
 * @property {() => Promise<void>} stop - ends it, waits until it is gone and gives its folder free
 */

/**
 * Starts a Redis on a free port of 127.0.0.1; one left over in the same folder by a killed owner is stopped first.
 *
 * @param {object} options
 * @param {boolean} options.persist - true keeps the data in `dataDir` (append-only file, synced every second); false
 *   keeps them in memory, offers many databases, and uses a temporary folder without `dataDir`.
 * @param {string} [options.dataDir]
 * @param {number} [options.port] - the port it had before, when it is started again
 * @param {(line: string) => void} [options.log]
 * @returns {Promise<EmbeddedRedis>}
 * @throws {Error} with a message for the reader: no Redis to be had, `dataDir` in use, or NODE_ENV is `production`.
 */
export async function ensureRedis({ persist, dataDir, port, log = () => {} }) {
  if (process.env['NODE_ENV'] === 'production') {
    throw new Error('REDIS_URL is not set, and with NODE_ENV=production no Redis is embedded.');
  }
  const temporary = dataDir === undefined;
  if (temporary) await removeAbandoned();
  const dir = path.resolve(dataDir ?? mkdtempSync(path.join(os.tmpdir(), TEMPORARY_PREFIX)));
  const lock = lockDataDir(dir);
  const giveUp = () => {
    lock.release();
    if (temporary) rmSync(dir, { recursive: true, force: true });
  };

  try {
    await stopLeftOver(lock.previous);
    const program = await findRedis(log);
    const server = await startOnFreePort(program, { dir, persist, port, note: lock.note });
    return {
      ...server,
      label: program.label,
      stop: async () => {
        await end(server);
        giveUp();
      },
    };
  } catch (error) {
    giveUp();
    throw error;
  }
}

/** @param {string} dir */
function lockDataDir(dir) {
  try {
    return acquireLock(path.join(dir, LOCK_FILE));
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    throw new Error(`Another process (${error.holder.pid}) is already running a Redis on ${dir}.`);
  }
}

/**
 * @param {import('./redis-program.mjs').RedisProgram} program
 * @param {{ dir: string, persist: boolean, port: number | undefined, note: import('./process-lock.mjs').Lock['note'] }} options
 */
async function startOnFreePort(program, options) {
  for (let tries = 1; ; tries++) {
    const port = options.port ?? (await findFreePort());
    const server = await start(program, { ...options, port });
    if (await isReady(server)) return server;

    await end(server);
    // Between our look and the server's bind another process may have taken the port.
    const lines = readFileSync(path.join(options.dir, LOG_FILE), 'utf8').trimEnd().split('\n').slice(-10);
    const portTaken = lines.some((line) => /already in use/i.test(line));
    if (!portTaken || tries === PORT_TRIES) {
      throw new Error(`Redis (${program.label}) did not start. It said:\n${lines.join('\n')}`);
    }
  }
}

/**
 * @typedef {{ url: string, pid: number, port: number, exited: Promise<void>, kill: (signal: NodeJS.Signals) => void }} Server
 *
 * @param {import('./redis-program.mjs').RedisProgram} program
 * @param {{ dir: string, persist: boolean, port: number, note: import('./process-lock.mjs').Lock['note'] }} options
 * @returns {Promise<Server>}
 */
async function start(program, { dir, persist, port, note }) {
  mkdirSync(dir, { recursive: true });
  const storage = persist
    ? ['--appendonly', 'yes', '--appendfsync', 'everysec']
    : ['--appendonly', 'no', '--databases', '8192'];
  const settings = ['--save', '', '--maxmemory-policy', 'noeviction', ...storage];
  const { bin, args, env } = await program.command({ port, dir, settings, persist });

  const output = openSync(path.join(dir, LOG_FILE), 'a');
  // In a process group of its own: a Ctrl-C must not reach it before those that use it have finished.
  const child = spawn(bin, args, { env, detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  const exited = new Promise((resolve) => child.once('exit', () => resolve(undefined)));
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));

  const pid = /** @type {number} */ (child.pid);
  note({ redis: { ...identify(pid), port } });
  return { url: `redis://127.0.0.1:${port}`, pid, port, exited, kill: (signal) => child.kill(signal) };
}

/** @param {Server} server */
async function isReady(server) {
  const ended = server.exited.then(() => 'ended');
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (await answers(server.port)) return true;
    if ((await Promise.race([ended, delay(POLL_MS)])) === 'ended') return false;
  }
  return false;
}

/** @param {Server} server */
async function end(server) {
  server.kill('SIGTERM'); // does nothing once it has ended
  const late = new AbortController();
  const timeout = delay(STOP_TIMEOUT_MS, 'late', { signal: late.signal }).catch(() => undefined);
  if ((await Promise.race([server.exited, timeout])) === 'late') server.kill('SIGKILL');
  late.abort();
  await server.exited;
}

/**
 * Stops a Redis whose owner was killed: two on one folder would spoil its data.
 *
 * @param {import('./process-lock.mjs').Holder | undefined} previous
 */
async function stopLeftOver(previous) {
  const redis = /** @type {(import('./process-lock.mjs').Holder & { port: number }) | undefined} */ (
    previous?.['redis']
  );
  if (!redis || !isAlive(redis)) return;
  // Where start times can't be read, the number alone does not prove that it is our server: its port must answer too.
  if (redis.startedAt === null && !(await answers(redis.port))) return;

  kill(redis.pid, 'SIGTERM');
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (isAlive(redis)) {
    if (Date.now() > deadline) kill(redis.pid, 'SIGKILL');
    await delay(POLL_MS);
  }
}

/** Temporary servers whose owner was killed, and their folders. */
async function removeAbandoned() {
  for (const name of readdirSync(os.tmpdir()).filter((entry) => entry.startsWith(TEMPORARY_PREFIX))) {
    const dir = path.join(os.tmpdir(), name);
    const isOurs = statSync(dir, { throwIfNoEntry: false })?.uid === process.getuid?.();
    const owner = isOurs ? readLock(path.join(dir, LOCK_FILE)) : undefined;
    if (!owner || isAlive(owner)) continue;
    await stopLeftOver(owner);
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * Whether a Redis answers on a port and has loaded its data.
 *
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    const finish = (/** @type {boolean} */ result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1_000, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (reply) => finish(reply.toString().startsWith('+PONG')));
  });
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 */
function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // gone already
  }
}
