// Finds a Redis to run, or gets one without changing the system: no root, nothing installed outside the user's cache.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isAtLeast } from './choose-node.mjs';
import { findOnPath, run } from './system.mjs';

/** The oldest Redis that BullMQ recommends. */
const OLDEST_REDIS = [6, 2];

const SERVERS = ['redis-server', 'valkey-server'];
const IMAGE = 'redis:7-alpine';
const HOUR = 60 * 60 * 1000;

/**
 * @typedef {{ port: number, dir: string, settings: readonly string[], persist: boolean }} RedisOptions
 * @typedef {{ bin: string, args: string[], env: NodeJS.ProcessEnv }} Command
 * @typedef {{ label: string, command: (options: RedisOptions) => Promise<Command> }} RedisProgram
 */

/**
 * The Redis to run, looked for in this order: PATH; the private copy in the user's cache; the private copy, unpacked now
 * from the packages of a Debian or Ubuntu; Homebrew; Docker.
 *
 * @param {(line: string) => void} log
 * @returns {Promise<RedisProgram>}
 * @throws {Error} with a message for the reader when there is none to be had.
 */
export async function findRedis(log) {
  const program =
    (await serverOnPath(log)) ??
    (await privateCopy()) ??
    (await unpackPrivateCopy(log)) ??
    (await installWithHomebrew(log)) ??
    (await redisInDocker(log));
  if (program) return program;

  throw new Error(
    `No Redis ${OLDEST_REDIS.join('.')} or newer was found on this machine, and none could be fetched. ` +
      'Install one (redis-server or valkey-server), start Docker, or set REDIS_URL.',
  );
}

/**
 * @param {(line: string) => void} log
 * @returns {Promise<RedisProgram | undefined>}
 */
async function serverOnPath(log) {
  for (const name of SERVERS) {
    const bin = findOnPath(name);
    if (bin === undefined) continue;
    const version = await versionOf(bin, process.env);
    if (isAtLeast(version, OLDEST_REDIS)) return nativeProgram(`${name} ${version}`, bin, process.env);
    log(`${bin} is ${version ?? 'broken'}; ${OLDEST_REDIS.join('.')} or newer is needed`);
  }
  return undefined;
}

/** @returns {Promise<RedisProgram | undefined>} */
async function privateCopy() {
  return programIn(path.join(cacheDir(), 'copy'));
}

/**
 * Unpacks the packages of this Debian or Ubuntu into the user's cache. Several processes may do so at once: each works in
 * a folder of its own, and the first one to finish puts its result in place.
 *
 * @param {(line: string) => void} log
 * @returns {Promise<RedisProgram | undefined>}
 */
async function unpackPrivateCopy(log) {
  if (!findOnPath('apt-get') || !findOnPath('dpkg-deb')) return undefined;
  const cache = cacheDir();
  mkdirSync(cache, { recursive: true });
  removeAbandoned(cache);

  log(`no Redis on this machine: unpacking a private copy into ${cache}`);
  const workDir = mkdtempSync(path.join(cache, 'unpack-'));
  try {
    const root = await unpackDebianPackages(workDir, log);
    if (root === undefined) return undefined;
    await putInPlace(root, path.join(cache, 'copy'), workDir);
    return await privateCopy();
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

/**
 * @param {string} workDir
 * @param {(line: string) => void} log
 * @returns {Promise<string | undefined>} the folder that holds a working server
 */
async function unpackDebianPackages(workDir, log) {
  const apt = prepareApt(workDir);
  const update = await run('apt-get', [...apt, 'update']);
  if (!update.ok) log(`apt-get update: ${lastLine(update.stderr)}`);

  for (const server of SERVERS) {
    const plan = await run('apt-get', [...apt, '--simulate', 'install', '--no-install-recommends', server]);
    const packages = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name ?? '');
    if (!plan.ok || packages.length === 0) continue;

    const debs = path.join(workDir, `${server}-debs`);
    const root = path.join(workDir, `${server}-root`);
    mkdirSync(debs);
    mkdirSync(root);
    const download = await run('apt-get', [...apt, 'download', ...packages], { cwd: debs });
    if (!download.ok) {
      log(`apt-get download: ${lastLine(download.stderr)}`);
      continue;
    }
    for (const deb of readdirSync(debs)) await run('dpkg-deb', ['--extract', path.join(debs, deb), root]);
    if (await programIn(root)) return root;
  }
  log('apt-get offers no Redis that runs here');
  return undefined;
}

/**
 * An apt of our own: it knows the machine's sources and its installed packages, and writes only into `workDir`.
 *
 * @param {string} workDir
 * @returns {string[]} the arguments that make apt-get use it
 */
function prepareApt(workDir) {
  const state = path.join(workDir, 'apt');
  for (const dir of ['lists/partial', 'cache/archives/partial']) mkdirSync(path.join(state, dir), { recursive: true });

  const settings = path.join(workDir, 'apt.conf');
  writeFileSync(
    settings,
    `
#clear APT::Update;             // hooks that would refresh caches of the system
#clear DPkg;
Dir::State "${state}";
Dir::State::lists "${state}/lists";
Dir::State::status "/var/lib/dpkg/status"; // a library that is installed need not be unpacked
Dir::Cache "${state}/cache";
APT::Sandbox::User "root";      // for root only: its download user could not write into our folder
Debug::NoLocking "true";
`,
  );
  return ['-c', settings, '-qq'];
}

/**
 * @param {string} root
 * @param {string} place
 * @param {string} workDir - takes a broken copy that was in place, to be removed with it
 */
async function putInPlace(root, place, workDir) {
  for (const aside of ['replaced', 'replaced-again']) {
    try {
      renameSync(root, place);
      return;
    } catch {
      if (await programIn(place)) return; // another process was faster
      renameSync(place, path.join(workDir, aside));
    }
  }
}

/**
 * Folders that a killed process left behind half unpacked.
 *
 * @param {string} cache
 */
function removeAbandoned(cache) {
  for (const name of readdirSync(cache)) {
    const dir = path.join(cache, name);
    const modified = statSync(dir, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (name.startsWith('unpack-') && Date.now() - modified > HOUR) rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * @param {string} root - where packages were unpacked
 * @returns {Promise<RedisProgram | undefined>}
 */
async function programIn(root) {
  const libraries = ['usr/lib', 'lib']
    .map((dir) => path.join(root, dir))
    .filter((dir) => existsSync(dir))
    .flatMap((dir) => readdirSync(dir).map((name) => path.join(dir, name)))
    .filter((dir) => dir.includes('-linux-gnu'));
  const inherited = process.env['LD_LIBRARY_PATH'];
  const env = { ...process.env, LD_LIBRARY_PATH: [...libraries, ...(inherited ? [inherited] : [])].join(':') };

  for (const name of SERVERS) {
    const bin = path.join(root, 'usr/bin', name);
    const version = existsSync(bin) ? await versionOf(bin, env) : undefined;
    if (isAtLeast(version, OLDEST_REDIS)) return nativeProgram(`${name} ${version}, a private copy`, bin, env);
  }
  return undefined;
}

/**
 * @param {(line: string) => void} log
 * @returns {Promise<RedisProgram | undefined>}
 */
async function installWithHomebrew(log) {
  if (!findOnPath('brew')) return undefined;
  log('no Redis on this machine: brew install redis');
  const install = await run('brew', ['install', '--quiet', 'redis']);
  if (!install.ok) log(`brew: ${lastLine(install.stderr)}`);
  return serverOnPath(log);
}

/**
 * @param {(line: string) => void} log
 * @returns {Promise<RedisProgram | undefined>}
 */
async function redisInDocker(log) {
  if (!findOnPath('docker') || !(await run('docker', ['info'], { timeout: 10_000 })).ok) return undefined;
  if (!(await run('docker', ['image', 'inspect', IMAGE])).ok) {
    log(`no Redis on this machine: docker pull ${IMAGE}`);
    const pull = await run('docker', ['pull', '--quiet', IMAGE]);
    if (!pull.ok) {
      log(`docker: ${lastLine(pull.stderr)}`);
      return undefined;
    }
  }
  return { label: `${IMAGE} in Docker`, command: dockerCommand };
}

/**
 * The `docker run` stays in the foreground and passes SIGTERM on, so that it can be held like a server of the machine.
 *
 * @param {RedisOptions} options
 * @returns {Promise<Command>}
 */
async function dockerCommand({ port, dir, settings, persist }) {
  const name = `ringback-redis-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`;
  await run('docker', ['rm', '--force', name]); // left over from a killed one
  // A volume and no bind mount: the server's files belong to another user, who would lock us out of our own folder.
  const storage = persist ? ['--volume', `${name}:/data`] : [];
  const container = ['run', '--rm', '--name', name, '--publish', `127.0.0.1:${port}:6379`, ...storage, IMAGE];
  const inside = ['--bind', '0.0.0.0', '--protected-mode', 'no', '--dir', '/data'];
  return { bin: 'docker', args: [...container, 'redis-server', ...inside, ...settings], env: process.env };
}

/**
 * @param {string} label
 * @param {string} bin
 * @param {NodeJS.ProcessEnv} env
 * @returns {RedisProgram}
 */
function nativeProgram(label, bin, env) {
  return {
    label,
    command: async ({ port, dir, settings }) => ({
      bin,
      args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, ...settings],
      env,
    }),
  };
}

/**
 * @param {string} bin
 * @param {NodeJS.ProcessEnv} env
 */
async function versionOf(bin, env) {
  const { stdout } = await run(bin, ['--version'], { env });
  return /v=([\d.]+)/.exec(stdout)?.[1];
}

const cacheDir = () => path.join(process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache'), 'ringback-redis');

/** @param {string} text */
const lastLine = (text) => text.trim().split('\n').at(-1) ?? '';
