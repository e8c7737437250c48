// Makes a fresh clone runnable: installs the packages where they are missing or outdated and picks the Node.js to run on.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chooseNode, findOwnNode, PROJECT_DIR } from './choose-node.mjs';
import { acquireLock, LockedError } from './process-lock.mjs';
import { run } from './system.mjs';

const INSTALL_LOCK = path.join(PROJECT_DIR, '.data', 'install.lock');
const POLL_MS = 250;

/**
 * @typedef {{ version?: string, optional?: boolean, dev?: boolean, devOptional?: boolean }} LockedPackage
 * @typedef {{ packages: Record<string, LockedPackage> }} LockFile
 */

/**
 * @param {object} options
 * @param {boolean} options.dev - whether the packages for development are needed
 * @param {(line: string) => void} options.log
 * @param {AbortSignal} [options.signal] - breaks an installation off
 * @returns {Promise<string>} the Node.js to run the project with
 * @throws {Error} with a message for the reader
 */
export async function bootstrap({ dev, log, signal }) {
  if (!isInstalled({ dev })) await withInstallLock(() => install({ dev, log, signal }));
  return (await chooseNode()).bin;
}

/**
 * The packages that package-lock.json asks for and node_modules lacks or has in another version. An optional one may be
 * missing: npm leaves out what is not for this platform.
 *
 * @param {LockFile} wanted - package-lock.json
 * @param {LockFile} installed - node_modules/.package-lock.json, which npm writes at the end of each installation
 * @param {{ dev: boolean }} options
 * @returns {string[]} their paths
 */
export function findMissingPackages(wanted, installed, { dev }) {
  return Object.entries(wanted.packages)
    .filter(([location, pkg]) => {
      const present = installed.packages[location];
      if (location === '') return false;
      if (present) return present.version !== pkg.version;
      return !pkg.optional && !pkg.devOptional && (dev || !pkg.dev);
    })
    .map(([location]) => location);
}

/** @param {{ dev: boolean }} options */
function isInstalled(options) {
  const wanted = readJson('package-lock.json');
  try {
    return findMissingPackages(wanted, readJson('node_modules/.package-lock.json'), options).length === 0;
  } catch {
    return false; // never installed, or broken off
  }
}

/** @param {{ dev: boolean, log: (line: string) => void, signal: AbortSignal | undefined }} options */
async function install({ dev, log, signal }) {
  if (isInstalled({ dev })) return; // by the process we have waited for

  log('installing the packages (npm ci), which takes a minute the first time');
  const startedAt = Date.now();
  // `--include` overrides an `omit` that NODE_ENV or the user's npm settings imply.
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = await npmCommand();
  const { ok, stdout, stderr } = await run(npm.command, [...npm.args, ...args], { cwd: PROJECT_DIR, signal });
  if (!ok) throw new Error(`npm ci failed. It said:\n${stdout}${stderr}`);
  log(`packages installed in ${Math.round((Date.now() - startedAt) / 1000)} s`);
}

/** The npm that runs us, else the one on PATH; on the machine's own Node.js, because npm ci removes the packaged one. */
async function npmCommand() {
  const script = process.env['npm_execpath'];
  const own = await findOwnNode();
  return script && own ? { command: own.bin, args: [script] } : { command: 'npm', args: [] };
}

/**
 * Two commands started at once in a fresh clone must not install into one folder together.
 *
 * @param {() => Promise<void>} action
 */
async function withInstallLock(action) {
  for (;;) {
    try {
      const lock = acquireLock(INSTALL_LOCK);
      return await action().finally(lock.release);
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      await delay(POLL_MS);
    }
  }
}

/**
 * @param {string} file
 * @returns {LockFile}
 */
const readJson = (file) => JSON.parse(readFileSync(path.join(PROJECT_DIR, file), 'utf8'));
