// Which Node.js the project runs on. As npm's `postinstall` it takes the packaged Node out of node_modules/.bin where the
// machine's own is new enough, so that every npm script (npm puts that folder first in PATH) runs on the machine's own.
import { execFile } from 'node:child_process';
import { existsSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const PROJECT_DIR = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The oldest Node.js that runs the service: the first 24 in which stripping types is no experiment. */
const OLDEST_NODE = [24, 12];

const PACKAGED_NODE = path.join(PROJECT_DIR, 'node_modules', '.bin', 'node');

/**
 * Whether a version, such as `v24.21.0` or `7.0.15`, is at least the given major and minor.
 *
 * @param {string | undefined} version
 * @param {readonly number[]} oldest - major and minor
 */
export function isAtLeast(version, [oldestMajor = 0, oldestMinor = 0]) {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  if (major === undefined || minor === undefined) return false;
  return Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor);
}

/**
 * @typedef {{ bin: string, version: string }} NodeBinary
 *
 * The Node.js to run on: the machine's own when it is new enough, however much newer; else the packaged one; else none.
 *
 * @param {{ own: NodeBinary | undefined, packaged: NodeBinary | undefined }} found
 * @returns {NodeBinary | undefined}
 */
export function decideNode({ own, packaged }) {
  return [own, packaged].find((node) => isAtLeast(node?.version, OLDEST_NODE));
}

/**
 * The machine's own Node.js: the one npm runs on, else the first on PATH. Whatever lies in a node_modules folder is not
 * the machine's own, even when npm put it first.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<NodeBinary | undefined>}
 */
export async function findOwnNode(env = process.env) {
  const onPath = (env['PATH'] ?? '').split(path.delimiter).map((dir) => path.join(dir, executable('node')));
  for (const bin of [env['npm_node_execpath'] ?? '', ...onPath, process.execPath]) {
    if (!path.isAbsolute(bin) || !existsSync(bin) || isPackaged(bin)) continue;
    const found = await inspect(bin);
    if (found) return found;
  }
  return undefined;
}

/**
 * The Node.js to run the project on, once its packages are installed.
 *
 * @returns {Promise<NodeBinary>}
 * @throws {Error} with a message for the reader when there is none.
 */
export async function chooseNode() {
  const own = await findOwnNode();
  const node = decideNode({ own, packaged: await inspect(PACKAGED_NODE) });
  if (node) return node;

  const oldest = OLDEST_NODE.join('.');
  throw new Error(
    `Ringback needs Node.js ${oldest} or newer. This machine has ${own?.version ?? 'none'}, and the packaged Node.js ` +
      '(an optional package, for Linux on x64 and arm64) is not installed. Install Node.js 24 from https://nodejs.org.',
  );
}

/** @param {string} name */
const executable = (name) => (process.platform === 'win32' ? `${name}.exe` : name);

/** @param {string} bin */
function isPackaged(bin) {
  const parts = [bin, realpathSync(bin)].flatMap((file) => file.split(path.sep));
  return parts.includes('node_modules');
}

/**
 * @param {string} bin
 * @returns {Promise<NodeBinary | undefined>}
 */
async function inspect(bin) {
  try {
    const { stdout } = await run(bin, ['--version']);
    return { bin, version: stdout.trim() };
  } catch {
    return undefined; // not there, or built for another machine
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const own = await findOwnNode();
  if (decideNode({ own, packaged: undefined })) rmSync(PACKAGED_NODE, { force: true });
}
