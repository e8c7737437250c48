import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findLockFaults } from '../../scripts/check-lock.mjs';

describe('checking the lock file', () => {
  it('finds nothing wrong with the one of this project', () => {
    const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));

    expect(findLockFaults(lock)).toEqual([]);
  });

  it('names an optional package that npm has dropped', () => {
    const lock = {
      packages: {
        '': { version: '1.0.0' },
        'node_modules/parser': {
          version: '2.0.0',
          optionalDependencies: { 'parser-linux': '2.0.0', 'parser-darwin': '2.0.0' },
        },
        'node_modules/parser-linux': { version: '2.0.0' },
      },
    };

    expect(findLockFaults(lock)).toEqual([
      'parser@2.0.0 has the optional dependency parser-darwin, which has no entry of its own.',
    ]);
  });

  it('looks for a package where Node.js would', () => {
    const lock = {
      packages: {
        'node_modules/tool/node_modules/@scope/parser': {
          version: '2.0.0',
          optionalDependencies: { nested: '1.0.0', beside: '1.0.0', above: '1.0.0', elsewhere: '1.0.0' },
        },
        'node_modules/tool/node_modules/@scope/parser/node_modules/nested': { version: '1.0.0' },
        'node_modules/tool/node_modules/beside': { version: '1.0.0' },
        'node_modules/above': { version: '1.0.0' },
        'node_modules/other/node_modules/elsewhere': { version: '1.0.0' },
      },
    };

    expect(findLockFaults(lock)).toEqual([
      '@scope/parser@2.0.0 has the optional dependency elsewhere, which has no entry of its own.',
    ]);
  });

  it('names a package that comes from another registry', () => {
    const lock = {
      packages: {
        'node_modules/here': { version: '1.0.0', resolved: 'https://registry.npmjs.org/here/-/here-1.0.0.tgz' },
        'node_modules/there': { version: '1.0.0', resolved: 'https://mirror.example/there-1.0.0.tgz' },
      },
    };

    expect(findLockFaults(lock)).toEqual(['there@1.0.0 comes from https://mirror.example/there-1.0.0.tgz.']);
  });
});
