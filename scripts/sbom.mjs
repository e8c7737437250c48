// Prints the bill of materials (CycloneDX) of what production installs: `npm ci --omit=dev --omit=optional`. By itself
// `npm sbom --omit=dev` leaves out what a package for developers needs too, such as zod. So npm gets a lock file that
// names nothing else, by the marks that `npm ci` goes by.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PROJECT_DIR } from './choose-node.mjs';

/** @param {string} file @returns {any} what the project's JSON file says */
const read = (file) => JSON.parse(readFileSync(path.join(PROJECT_DIR, file), 'utf8'));

/** @param {any} manifest */
const forProduction = ({ devDependencies: _, optionalDependencies: __, ...manifest }) => manifest;

const manifest = forProduction(read('package.json'));
const lock = read('package-lock.json');
const { '': root, ...locked } = lock.packages;
const installed = Object.entries(locked).filter(([, pkg]) => !pkg.dev && !pkg.optional && !pkg.devOptional);

const temporary = mkdtempSync(path.join(tmpdir(), 'ringback-sbom-'));
try {
  const cwd = path.join(temporary, manifest.name); // npm takes the project's name from the folder
  mkdirSync(cwd);
  const packages = { '': forProduction(root), ...Object.fromEntries(installed) };
  writeFileSync(path.join(cwd, 'package.json'), JSON.stringify(manifest));
  writeFileSync(path.join(cwd, 'package-lock.json'), JSON.stringify({ ...lock, packages }));
  execFileSync('npm', ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'], { cwd, stdio: 'inherit' });
} finally {
  rmSync(temporary, { recursive: true });
}
