// `npm start`: the whole service on one machine, with what it needs. It prepares a fresh clone, starts a Redis and a
// SignalWire sandbox where none are configured, then the API and the worker, and stops all of it on Ctrl-C.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bootstrap } from './bootstrap.mjs';
import { startChild } from './child.mjs';
import { PROJECT_DIR } from './choose-node.mjs';
import { ensureRedis } from './ensure-redis.mjs';
import { acquireLock, LockedError } from './process-lock.mjs';
import {
  dropEmpty,
  findRefusal,
  makeDevelopmentSecrets,
  serviceEnv,
  summarize,
  usesSandbox,
  workerEnv,
} from './settings.mjs';
import { findFreePort, run } from './system.mjs';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const BACKOFF_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;

/** A process that ran this long was healthy: when it ends, its backoff starts anew. */
const HEALTHY_MS = 60_000;

/** npm passes on the signal that the terminal has already sent to all of us: within this time the two are one. */
const SAME_SIGNAL_MS = 1_000;

/** Why everything stops, other than a signal. */
class Failure extends Error {
  /**
   * @param {string} message - for the reader
   * @param {number} [exitCode]
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** @type {Map<string, import('./child.mjs').Child>} */
const children = new Map();
/** @type {import('./ensure-redis.mjs').EmbeddedRedis | undefined} */
let redis;
/** @type {import('./process-lock.mjs').Lock | undefined} */
let lock;

/** @type {import('./child.mjs').Child | undefined} */
let killedOnPurpose;

const stopping = new AbortController();
/** @type {(failure: Failure | undefined) => void} */
let stop = () => {};
/** Settles with the failure, or with undefined for a signal, when it is time to stop. */
const stopped = new Promise((/** @type {(failure: Failure | undefined) => void} */ resolve) => {
  stop = (failure) => {
    stopping.abort();
    resolve(failure);
  };
});

const log = (/** @type {string} */ line) => console.log(`[ringback] ${line}`);
const show = (/** @type {string} */ line) => console.log(line);

listenForSignals();
const starting = startEverything().catch((error) =>
  stop(error instanceof Failure ? error : new Failure(error.message)),
);
const failure = await stopped;
if (failure) console.error(`[ringback] ${failure.message}`);
await starting; // it gives up at its next step, and what it has started by then is stopped
await stopEverything();
process.exit(failure?.exitCode ?? 0);

async function startEverything() {
  const node = await bootstrap({ dev: false, log, signal: stopping.signal });
  const env = await loadEnv(node);
  const refusal = findRefusal(env);
  if (refusal) throw new Failure(refusal);
  if (stopping.signal.aborted) return;

  const dataDir = path.resolve(PROJECT_DIR, env['RINGBACK_DATA_DIR'] ?? '.data');
  lock = lockDataDir(dataDir);
  const logDir = path.join(dataDir, 'logs');
  mkdirSync(logDir, { recursive: true });
  const secrets = env['NODE_ENV'] === 'production' ? makeDevelopmentSecrets() : readSecrets(dataDir);

  const redisUrl = env['REDIS_URL'] ?? (await embedRedis(path.join(dataDir, 'redis')));
  if (stopping.signal.aborted) return;

  const launch = (/** @type {string} */ name, /** @type {NodeJS.ProcessEnv} */ childEnv) =>
    startChild({
      name,
      node,
      script: path.join(PROJECT_DIR, 'src', name, 'main.ts'),
      cwd: PROJECT_DIR,
      env: childEnv,
      logFile: path.join(logDir, `${name}.log`),
      show,
      ...(name === 'api' && usesSandbox(env) && { onMessage: obeyApi }),
    });
  for (const name of ['api', 'worker', 'sandbox']) keepPreviousLog(path.join(logDir, `${name}.log`));

  const sandboxUrl = usesSandbox(env) ? await startSandbox(env, secrets, launch) : undefined;
  if (stopping.signal.aborted) return;

  const services = serviceEnv(env, { secrets, redisUrl, sandboxUrl });
  const apiEnv = { ...services, PORT: env['PORT'] ?? String(await findFreePort(3000)) };
  const [apiUrl] = await Promise.all([
    startApi(() => launch('api', apiEnv)),
    keepRunning('worker', () => launch('worker', workerEnv(services))),
  ]);
  if (stopping.signal.aborted || apiUrl === undefined) return;
  tellApi(true);

  lock.note({ url: apiUrl, redisUrl: redis?.url, sandboxUrl }); // the command line finds them there
  const redisText = redis ? `${redis.url}   ${redis.label}, data in ${relative(dataDir)}/redis` : 'as in REDIS_URL';
  show(`\n${summarize({ apiUrl, sandboxUrl, env: apiEnv, redis: redisText, logDir: relative(logDir) })}`);
  log('Ctrl-C stops everything');
}

/**
 * The environment with `.env` under it, read by the same parser as `npm run api`; what is set already wins.
 *
 * @param {string} node
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
async function loadEnv(node) {
  const file = path.join(PROJECT_DIR, '.env');
  if (!existsSync(file)) return dropEmpty(process.env);
  const { ok, stdout, stderr } = await run(node, [`--env-file=${file}`, '-p', 'JSON.stringify(process.env)']);
  if (!ok) throw new Failure(`.env could not be read: ${stderr}`);
  return dropEmpty(JSON.parse(stdout));
}

/** @param {string} dataDir */
function lockDataDir(dataDir) {
  try {
    return acquireLock(path.join(dataDir, 'start.lock'));
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    const { pid, url } = error.holder;
    const where = typeof url === 'string' ? `, at ${url}` : '';
    throw new Failure(
      `Ringback is already running on ${dataDir} (process ${pid}${where}). Stop it, or set RINGBACK_DATA_DIR to another folder.`,
    );
  }
}

/**
 * @param {string} dataDir
 * @returns {import('./settings.mjs').DevelopmentSecrets}
 */
function readSecrets(dataDir) {
  const file = path.join(dataDir, 'development.json');
  const saved = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const secrets = { ...makeDevelopmentSecrets(), ...saved };
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}

/** @param {string} logFile */
function keepPreviousLog(logFile) {
  if (existsSync(logFile)) renameSync(logFile, logFile.replace(/\.log$/, '.previous.log'));
}

/**
 * Starts a Redis, and starts it again on the same port should it end.
 *
 * @param {string} dataDir
 * @returns {Promise<string>} its URL
 */
async function embedRedis(dataDir) {
  const first = await ensureRedis({ persist: true, dataDir, log });
  redis = first;
  const port = Number(new URL(first.url).port);

  const watch = async () => {
    for (let current = first; ; ) {
      await current.exited;
      if (stopping.signal.aborted) return;
      log('Redis ended unexpectedly; starting it again');
      await current.stop();
      await delay(BACKOFF_MS);
      if (stopping.signal.aborted) return;
      current = await ensureRedis({ persist: true, dataDir, port, log });
      redis = current;
    }
  };
  watch().catch((error) => stop(new Failure(error.message)));
  return first.url;
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {import('./settings.mjs').DevelopmentSecrets} secrets
 * @param {(name: string, env: NodeJS.ProcessEnv) => import('./child.mjs').Child} launch
 */
async function startSandbox(env, secrets, launch) {
  const sandboxEnv = {
    HOST: '127.0.0.1',
    ...env,
    SANDBOX_PORT: env['SANDBOX_PORT'] ?? String(await findFreePort(3001)),
    SANDBOX_PROJECT_KEY: secrets.SIGNALWIRE_PROJECT_KEY,
    SANDBOX_TOKEN: secrets.SIGNALWIRE_TOKEN,
  };
  return keepRunning('sandbox', () => launch('sandbox', sandboxEnv));
}

/**
 * The API ends everything with it: whoever sees it end looks at its output, and starts anew.
 *
 * @param {() => import('./child.mjs').Child} launch
 * @returns {Promise<string | undefined>} its URL
 */
async function startApi(launch) {
  const api = launch();
  children.set('api', api);
  const url = await untilReady(api);
  void api.ended.then((how) => stop(endOf(api, how)));
  return url;
}

/**
 * Starts a process, and starts it again whenever it ends once it has been ready: before, its end is no accident.
 *
 * @param {string} name
 * @param {() => import('./child.mjs').Child} launch
 * @returns {Promise<string | undefined>} its URL, if it has one
 */
async function keepRunning(name, launch) {
  const first = launch();
  children.set(name, first);
  const url = await untilReady(first);
  void restartWheneverItEnds(first, launch);
  return url;
}

/**
 * @param {import('./child.mjs').Child} first
 * @param {() => import('./child.mjs').Child} launch
 */
async function restartWheneverItEnds(first, launch) {
  let startedAt = Date.now();
  let failures = 0;
  for (let child = first; ; startedAt = Date.now()) {
    const how = await child.ended;
    if (stopping.signal.aborted) return;
    const onPurpose = killedOnPurpose === child;
    failures = onPurpose || Date.now() - startedAt > HEALTHY_MS ? 1 : failures + 1;
    const waitMs = Math.min(BACKOFF_MS * 2 ** (failures - 1), BACKOFF_MAX_MS);
    const what = onPurpose ? `The ${child.name} was killed from the demo page.` : endOf(child, how).message;
    log(`${what}\n[ringback] Starting it again in ${waitMs / 1000} s.`);
    await delay(waitMs);
    if (stopping.signal.aborted) return;
    child = launch();
    children.set(child.name, child);
    if (child.name === 'worker') void child.ready.then(() => tellApi(true));
  }
}

/**
 * The demo page may have the worker killed, to show that nothing is lost. Its wish comes over the API's own channel to us,
 * which nobody else can write to, and only with the sandbox.
 *
 * @param {unknown} wish
 */
function obeyApi(wish) {
  const worker = children.get('worker');
  if (wish !== 'kill-worker' || worker === undefined || worker === killedOnPurpose) return;
  killedOnPurpose = worker;
  tellApi(false);
  worker.kill('SIGKILL');
}

/** @param {boolean} runs - whether the worker does */
function tellApi(runs) {
  children.get('api')?.tell({ type: 'worker', runs });
}

/**
 * @param {import('./child.mjs').Child} child
 * @returns {Promise<string | undefined>} its URL, if it has one; undefined also when everything stops meanwhile
 * @throws {Failure} when it ends or takes too long
 */
async function untilReady(child) {
  const timer = new AbortController();
  const ended = child.ended.then((how) => endOf(child, how));
  const late = delay(READY_TIMEOUT_MS, undefined, { signal: timer.signal }).then(
    () => new Failure(`The ${child.name} was not ready within ${READY_TIMEOUT_MS / 1000} s.`),
    () => undefined,
  );
  const outcome = await Promise.race([child.ready, ended, late, stopped.then(() => undefined)]);
  timer.abort();
  if (outcome instanceof Failure) throw outcome;
  return outcome;
}

/**
 * @param {import('./child.mjs').Child} child
 * @param {string} how
 */
function endOf(child, how) {
  const title = child.name === 'api' ? 'API' : child.name;
  const tail = child.tail().map((line) => `  ${line}\n`);
  const lastLines = tail.length > 0 ? `Last lines of the ${title}:\n${tail.join('')}[ringback] ` : '';
  return new Failure(`${lastLines}The ${title} ended ${how}.`, child.exitCode() || 1);
}

/** Everything that uses something ends before it: the API and the worker, the sandbox, Redis. */
async function stopEverything() {
  const deadline = delay(STOP_TIMEOUT_MS, undefined, { ref: false });
  for (const names of [['api', 'worker'], ['sandbox']]) {
    const group = names.flatMap((name) => children.get(name) ?? []);
    for (const child of group) child.kill('SIGINT'); // SIGTERM would have the API wait for others to take over
    await Promise.race([Promise.all(group.map(({ ended }) => ended)), deadline]);
    for (const child of group) child.kill('SIGKILL');
    await Promise.all(group.map(({ ended }) => ended));
  }
  await redis?.stop();
  lock?.release();
}

function listenForSignals() {
  let firstAt = 0;
  const onSignal = () => {
    if (!stopping.signal.aborted) {
      firstAt = Date.now();
      if (children.size > 0) log('stopping; Ctrl-C again stops at once');
      stop(undefined);
    } else if (Date.now() - firstAt > SAME_SIGNAL_MS) {
      for (const child of children.values()) child.kill('SIGKILL');
      if (redis) process.kill(redis.pid, 'SIGKILL');
      lock?.release();
      process.exit(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal);
}

/** @param {string} file */
function relative(file) {
  return path.relative(process.cwd(), file) || '.';
}
