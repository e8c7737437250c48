import { describe, expect, it } from 'vitest';
import { findMissingPackages } from '../../scripts/bootstrap.mjs';

const wanted = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/express': { version: '5.3.0' },
    'node_modules/vitest': { version: '5.1.1', dev: true },
    'node_modules/native-darwin': { version: '1.0.0', optional: true },
  },
};

describe('what npm ci still has to install', () => {
  it('is nothing when every package is there, but for an optional one of another platform', () => {
    const installed = {
      packages: {
        'node_modules/express': { version: '5.3.0' },
        'node_modules/vitest': { version: '5.1.1', dev: true },
      },
    };

    expect(findMissingPackages(wanted, installed, { dev: true })).toEqual([]);
  });

  it('is a package of another version', () => {
    const installed = {
      packages: { 'node_modules/express': { version: '5.2.0' }, 'node_modules/vitest': { version: '5.1.1' } },
    };

    expect(findMissingPackages(wanted, installed, { dev: true })).toEqual(['node_modules/express']);
  });

  it('is a package for development only when one is about to develop', () => {
    const installed = { packages: { 'node_modules/express': { version: '5.3.0' } } };

    expect(findMissingPackages(wanted, installed, { dev: false })).toEqual([]);
    expect(findMissingPackages(wanted, installed, { dev: true })).toEqual(['node_modules/vitest']);
  });
});
