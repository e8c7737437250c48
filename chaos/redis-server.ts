import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { ensureRedis } from '../scripts/ensure-redis.mjs';

/** A Redis with an append-only file in a folder of its own, which may be killed and frozen. */
export async function startRedisServer() {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'ringback-chaos-'));
  const start = async (port?: number) => {
    const started = await ensureRedis({ dataDir, persist: true, ...(port !== undefined && { port }) });
    await syncAlways(started.url);
    return started;
  };
  let server = await start();
  const port = Number(new URL(server.url).port);

  return {
    url: server.url,
    port,

    /** SIGKILL, then a new server on the same file and port. */
    async killAndRestart(): Promise<void> {
      process.kill(server.pid, 'SIGKILL');
      await server.exited;
      await server.stop(); // gives the folder free
      server = await start(port);
    },

    freeze: () => process.kill(server.pid, 'SIGSTOP'),
    thaw: () => process.kill(server.pid, 'SIGCONT'),

    async stop(): Promise<void> {
      try {
        process.kill(server.pid, 'SIGCONT');
      } catch {
        // it has ended
      }
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * Every write is in the file before it is acknowledged. With `everysec` it may not be: while a sync of the file is slow,
 * Redis puts off writing for up to 2 s, and a SIGKILL then loses what it had acknowledged.
 */
async function syncAlways(url: string): Promise<void> {
  const redis = new Redis(url);
  await redis.config('SET', 'appendfsync', 'always');
  redis.disconnect();
}
