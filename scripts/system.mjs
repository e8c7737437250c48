// Small questions to the machine that several scripts ask.
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

/**
 * Runs a command to its end. A command that fails, or isn't there, is a result and no exception.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').ExecFileOptions} [options]
 * @returns {Promise<{ ok: boolean, stdout: string, stderr: string }>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const settings = { maxBuffer: 64 * 1024 * 1024, ...options, encoding: /** @type {const} */ ('utf8') };
    execFile(command, args, settings, (error, stdout, stderr) => {
      resolve({ ok: error === null, stdout, stderr: stderr || (error?.message ?? '') });
    });
  });
}

/**
 * Where PATH finds a program.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
export function findOnPath(name) {
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((dir) => dir !== '')
    .map((dir) => path.join(dir, name))
    .find(isExecutable);
}

/**
 * A port that nobody listens on.
 *
 * @param {number} [wanted] - taken if it is free; otherwise, or without it, the system picks one.
 * @returns {Promise<number>}
 */
export async function findFreePort(wanted = 0) {
  try {
    return await tryPort(wanted);
  } catch {
    return tryPort(0);
  }
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {number} wanted
 * @returns {Promise<number>}
 */
function tryPort(wanted) {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}
