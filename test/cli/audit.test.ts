import { describe, expect } from 'vitest';
import { createAuditLog } from '../../src/shared/audit-log.ts';
import { createKeys } from '../../src/shared/keys.ts';
import { it } from '../fixtures.ts';
import { runCli } from './cli-process.ts';

describe('ringback audit', () => {
  it('tells who did what, the newest first, a page at a time', async ({ service }) => {
    const audit = createAuditLog({ redis: service.redis, stream: createKeys().audit, clock: service.clock });
    for (const subject of ['first', 'second', 'third'])
      await audit.record({ actor: 'ann', action: 'test.done', subject });
    const env = { REDIS_URL: service.env['REDIS_URL'] ?? '' };
    const page = async (...args: string[]) => {
      const { stdout } = await runCli(['audit', '--json', ...args], env);
      return (JSON.parse(stdout) as { data: { id: string; subject: string; at: string }[] }).data;
    };
    const latest = await page('--limit', '2');
    const older = await page('--before', latest[1]?.id ?? '');
    const { stdout } = await runCli(['audit'], env);

    expect(latest.map(({ subject }) => subject)).toEqual(['third', 'second']);
    expect(older.map(({ subject }) => subject)).toEqual(['first']);
    expect(stdout.split('\n')[1]).toMatch(/^\d+-\d+ {2}\S+Z {2}ann {4}test\.done {2}third$/);
  });

  it.each([['--limit', '0'], ['--limit', 'x'], ['--before', 'x'], ['x']])('refuses %s %s', async (...args) => {
    expect((await runCli(['audit', ...args], { REDIS_URL: 'redis://127.0.0.1:1' })).code).toBe(2);
  });
});
