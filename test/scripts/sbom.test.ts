import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const LOCKED: Record<string, LockedPackage> = JSON.parse(
  readFileSync(new URL('package-lock.json', ROOT), 'utf8'),
).packages;

interface LockedPackage {
  version: string;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** Where Node.js finds a package from the folder of another: in its node_modules, then in those of the folders above. */
function resolve(from: string, name: string): string {
  const here = `${from === '' ? '' : `${from}/`}node_modules/${name}`;
  if (here in LOCKED) return here;
  if (from === '') throw new Error(`${name} is not locked`);
  return resolve(from.slice(0, Math.max(0, from.lastIndexOf('node_modules/') - 1)), name);
}

/** All that the project needs to run, from one package to the next. */
function neededFrom(location: string, found = new Set<string>()): Set<string> {
  const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = LOCKED[location] as LockedPackage;
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  for (const name of [...Object.keys(dependencies), ...peers]) {
    const next = resolve(location, name);
    if (!found.has(next)) neededFrom(next, found.add(next));
  }
  return found;
}

it('lists what production needs, also where developers need it too, and nothing else', async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'sbom'], {
    cwd: fileURLToPath(ROOT),
    maxBuffer: 16 * 1024 * 1024,
  });
  const { components, metadata } = JSON.parse(stdout);
  const listed: string[] = components.map(({ purl }: { purl: string }) => decodeURIComponent(purl));

  const needed = [...neededFrom('')].map((location) => {
    return `pkg:npm/${location.split('node_modules/').at(-1)}@${LOCKED[location]?.version}`;
  });
  expect(listed.toSorted()).toEqual([...new Set(needed)].toSorted());
  expect(listed).toContainEqual(expect.stringMatching(/^pkg:npm\/zod@/));
  expect(metadata.component).toMatchObject({ name: 'ringback', version: LOCKED['']?.version });
});
