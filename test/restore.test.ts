import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ensureRedis } from '../scripts/ensure-redis.mjs';
import { freshNumber, startService } from './fixtures.ts';

/** A Redis with an append-only file, in a new folder or on a copy of another's. */
async function startRedis(copyOf?: string) {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'ringback-restore-'));
  if (copyOf !== undefined) await cp(copyOf, dataDir, { recursive: true, filter: (file) => !file.endsWith('.lock') });
  const server = await ensureRedis({ dataDir, persist: true });
  onTestFinished(async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  return { url: server.url, dataDir };
}

it('a copy of the append-only file, taken while Redis runs, is a backup: what was open is carried on', async () => {
  const original = await startRedis();
  const before = await startService({ env: { REDIS_URL: original.url, WORKFLOW: 'sms' }, workers: 0 });
  const to = freshNumber();
  const { id } = await before.submit({ to });
  await before.redis.config('SET', 'appendfsync', 'always'); // from here on nothing is on its way to the file
  await before.redis.set('last-write', '1');
  const restored = await startRedis(original.dataDir);
  await before.close();

  const after = await startService({ env: { REDIS_URL: restored.url, WORKFLOW: 'sms' } });
  onTestFinished(() => after.close());
  await after.receiver.event('verification.attempt.sent', id);
  const { code } = await after.sandbox.nextMessage(to);
  expect(await after.check(id, code)).toMatchObject({ status: 200, body: { approved: true } });
});
