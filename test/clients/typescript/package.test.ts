import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const PACKAGE = path.join(ROOT, 'clients/typescript');
const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');

describe('the published package', () => {
  let project = '';

  // a project that has installed what npm would publish
  beforeAll(() => {
    project = mkdtempSync(path.join(tmpdir(), 'ringback-client-'));
    const installed = path.join(project, 'node_modules/ringback-client');
    mkdirSync(installed, { recursive: true });
    cpSync(path.join(PACKAGE, 'package.json'), path.join(installed, 'package.json'));
    execFileSync(process.execPath, [tsc, '-p', PACKAGE, '--outDir', path.join(installed, 'dist')]);
    writeFileSync(path.join(project, 'package.json'), '{ "type": "module" }');
  });

  afterAll(() => rmSync(project, { recursive: true }));

  it('runs as plain JavaScript', () => {
    const script = "import * as client from 'ringback-client'; console.log(Object.keys(client).join());";
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: project }).toString();

    expect(output.trim().split(',')).toEqual([
      'CallbackSignatureError',
      'PROBLEM_CODES',
      'RingbackError',
      'createRingback',
      'isRingbackError',
      'verifyCallback',
    ]);
  });

  /** What a strict project's compiler says against a file. */
  function compile(source: string): string {
    writeFileSync(path.join(project, 'use.ts'), source);
    const options = ['--strict', '--noEmit', '--target', 'es2022', '--module', 'nodenext', '--lib', 'es2022,dom'];
    return spawnSync(process.execPath, [tsc, ...options, 'use.ts'], { cwd: project }).stdout.toString();
  }

  it('is typed for a strict project', () => {
    const complaints = compile(`
      import { createRingback, isRingbackError } from 'ringback-client';
      const ringback = createRingback({ url: 'https://verify.example.com', apiKey: 'key' });
      export const status: 'approved' | 'other' = await ringback.get('ver_1').then((v) => (v.status === 'approved' ? v.status : 'other'));
      // @ts-expect-error: no such field
      export const wrong = ringback.submit({ to: '+14045550123', tow: 1 });
      export const id = (e: unknown) => isRingbackError(e) && e.code === 'verification-active' && e.problem.verification_id.length;
      // @ts-expect-error: not every error has it
      export const unsafe = (e: unknown) => isRingbackError(e) && e.problem.verification_id;
    `);

    expect(complaints).toBe('');
  });

  it('is used as its README says', () => {
    const readme = readFileSync(path.join(PACKAGE, 'README.md'), 'utf8');
    const given = `
      declare const apiKey: string, to: string, secret: string;
      declare const request: Request;
    `;
    const [first = '', ...others] = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = '']) => block);
    const imports = others.flatMap((block) => block.match(/^import .*$/gm) ?? []);
    const bodies = others.map((block) => `{\n${block.replaceAll(/^import .*$/gm, '')}\n}`);

    expect(others).toHaveLength(2);
    expect(compile([...imports, first, given, ...bodies].join('\n'))).toBe('');
  });

  it('depends on nothing', () => {
    const manifest = JSON.parse(readFileSync(path.join(PACKAGE, 'package.json'), 'utf8'));

    expect(Object.keys(manifest).filter((key) => key.endsWith('ependencies'))).toEqual([]);
  });
});
