// Checks that package-lock.json is complete and names no registry but npm's. npm drops an optional package that the
// registry at hand does not have, and `npm ci` then refuses the lock that npm itself has written.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROJECT_DIR } from './choose-node.mjs';

const REGISTRY = 'https://registry.npmjs.org/';

/**
 * @typedef {{ version?: string, resolved?: string, link?: boolean, optionalDependencies?: Record<string, string> }} LockedPackage
 */

/**
 * @param {{ packages: Record<string, LockedPackage> }} lock - package-lock.json
 * @returns {string[]} one sentence for each fault
 */
export function findLockFaults(lock) {
  return Object.entries(lock.packages).flatMap(([location, pkg]) => {
    const name = location === '' ? 'The project' : `${location.split('node_modules/').at(-1)}@${pkg.version}`;
    const missing = Object.keys(pkg.optionalDependencies ?? {})
      .filter((dependency) => !isLocked(lock.packages, location, dependency))
      .map((dependency) => `${name} has the optional dependency ${dependency}, which has no entry of its own.`);
    const isForeign = pkg.resolved !== undefined && !pkg.link && !pkg.resolved.startsWith(REGISTRY);
    return isForeign ? [...missing, `${name} comes from ${pkg.resolved}.`] : missing;
  });
}

/**
 * Looks where Node.js would: in the package's own node_modules, then in those of the folders above.
 *
 * @param {Record<string, LockedPackage>} packages
 * @param {string} location
 * @param {string} dependency
 * @returns {boolean}
 */
function isLocked(packages, location, dependency) {
  const prefix = location === '' ? '' : `${location}/`;
  if (packages[`${prefix}node_modules/${dependency}`]) return true;
  if (location === '') return false;
  const parent = location.slice(0, Math.max(0, location.lastIndexOf('node_modules/') - 1));
  return isLocked(packages, parent, dependency);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = process.argv[2] ?? path.join(PROJECT_DIR, 'package-lock.json');
  const faults = findLockFaults(JSON.parse(readFileSync(file, 'utf8')));
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
  else console.log('package-lock.json is complete');
}
