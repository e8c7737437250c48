import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TIMEOUT_MS = 300_000;

it('measures everything in a small form, without asserting a figure', { timeout: TIMEOUT_MS }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/main.ts', '--smoke'], {
    cwd: ROOT,
    timeout: TIMEOUT_MS - 10_000,
  }).catch(({ message, stdout: before }) => expect.fail(`${message}\n${before}`));

  const measured = [...stdout.matchAll(/^(\S.*): (.+) \(target: .+\)$/gm)].map(([, what, figure]) => [what, figure]);
  expect(measured).toHaveLength(17);
  for (const [what, figure] of measured) expect(`${what}: ${figure}`).not.toMatch(/NaN|Infinity|undefined/);
});
