import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decideNode, findOwnNode } from '../../scripts/choose-node.mjs';

const packaged = { bin: '/app/node_modules/.bin/node', version: 'v24.21.0' };

describe('the Node.js to run on', () => {
  it.each(['v24.12.0', 'v24.30.1', 'v26.0.0', 'v100.1.0'])("is the machine's own %s", (version) => {
    const own = { bin: '/usr/bin/node', version };

    expect(decideNode({ own, packaged })).toBe(own);
  });

  it.each(['v18.20.8', 'v20.20.2', 'v24.11.1'])("is the packaged one where the machine's own is %s", (version) => {
    expect(decideNode({ own: { bin: '/usr/bin/node', version }, packaged })).toBe(packaged);
  });

  it('is none where the old one is all there is', () => {
    expect(decideNode({ own: { bin: '/usr/bin/node', version: 'v20.20.2' }, packaged: undefined })).toBeUndefined();
  });
});

describe("the machine's own Node.js", () => {
  let machine = '';

  beforeEach(() => {
    machine = mkdtempSync(path.join(os.tmpdir(), 'ringback-machine-'));
  });
  afterEach(() => {
    rmSync(machine, { recursive: true });
  });

  function addNode(dir: string, version: string): string {
    const bin = path.join(machine, dir, 'node');
    mkdirSync(path.dirname(bin), { recursive: true });
    writeFileSync(bin, `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
    return bin;
  }

  it('is the first on PATH that is no package, although npm puts packages first', async () => {
    const inPackages = path.dirname(addNode('app/node_modules/.bin', 'v24.21.0'));
    const own = addNode('usr/bin', 'v20.20.2');

    const found = await findOwnNode({ PATH: [inPackages, path.dirname(own)].join(path.delimiter) });

    expect(found).toEqual({ bin: own, version: 'v20.20.2' });
  });

  it('is the one that npm runs on before any on PATH', async () => {
    const npms = addNode('opt/node-26/bin', 'v26.0.0');
    const onPath = addNode('usr/bin', 'v20.20.2');

    const found = await findOwnNode({ PATH: path.dirname(onPath), npm_node_execpath: npms });

    expect(found).toEqual({ bin: npms, version: 'v26.0.0' });
  });
});
