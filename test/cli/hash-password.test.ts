import { describe, expect, it } from 'vitest';
import { isPassword, parsePasswordHash } from '../../src/shared/password.ts';
import { startCli } from './cli-process.ts';

function hash(typed: string) {
  const { child, ended } = startCli(['hash-password']);
  child.stdin.end(typed);
  return ended;
}

describe('ringback hash-password', () => {
  it('prints a hash of the first line that it reads, and not the password', async () => {
    const { code, stdout } = await hash('a password of good length\nsomething else\n');
    const parsed = parsePasswordHash(stdout.trim());

    expect(code).toBe(0);
    expect(stdout).not.toContain('good length');
    expect(parsed && (await isPassword('a password of good length', parsed))).toBe(true);
  });

  it.each(['', '\n', 'short'])('refuses %j', async (typed) => {
    const { code, stdout, stderr } = await hash(typed);

    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining('at least 12 characters')]);
  });
});
