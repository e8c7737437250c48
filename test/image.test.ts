import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const file = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

/** The patterns of `.dockerignore`: the last one that fits decides, and one of a folder decides for what is in it. */
const patterns = file('.dockerignore')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '' && !line.startsWith('#'));

/** Docker's `*` stays within a name and takes a leading dot too; `**` goes through folders. */
const fits = (pattern: string) =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('**/', '(.+/)?').replaceAll('*', '[^/]*')}$`);

function reachesTheBuild(name: string): boolean {
  let reaches = true;
  for (const pattern of patterns) {
    const bare = pattern.replace(/^!/, '');
    const candidates = name.split('/').map((_part, i, parts) => parts.slice(0, i + 1).join('/'));
    if (candidates.some((candidate) => fits(bare).test(candidate))) reaches = pattern.startsWith('!');
  }
  return reaches;
}

describe('what goes into the image', () => {
  it.each([
    '.env',
    '.env.production',
    'src/.env',
    'src/api/.env.local',
    '.data/keys.json',
    '.git/config',
    '.npmrc',
    'test/fixtures/tls/key.pem',
    'src/server.pem',
    'src/server.key',
  ])('is not %s', (name) => {
    expect(reachesTheBuild(name)).toBe(false);
  });

  it.each(['src/api/main.ts', 'src/shared/lua/save-verification.lua', 'package.json', 'package-lock.json', 'LICENSE'])(
    'is %s',
    (name) => {
      expect(reachesTheBuild(name)).toBe(true);
    },
  );

  it('is copied by name, and no secret is an argument or a variable of the build', () => {
    const dockerfile = file('Dockerfile');

    expect(dockerfile).not.toMatch(/^COPY (--\S+ )*\.\s/m);
    expect(dockerfile).not.toMatch(/^ADD /m);
    expect(dockerfile).not.toMatch(/^(ARG|ENV) .*(TOKEN|SECRET|PASSWORD|KEY|REDIS_URL)/im);
    expect(dockerfile).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m); // a number: Kubernetes cannot tell from a name that it is not root
  });
});
