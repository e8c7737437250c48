import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EmbeddedRedis, ensureRedis } from '../../scripts/ensure-redis.mjs';
import { identify, isAlive } from '../../scripts/process-lock.mjs';

describe('the embedded Redis', () => {
  let dataDir = '';
  let running: EmbeddedRedis[] = [];

  beforeEach(() => {
    dataDir = mkdtempSync(path.join(os.tmpdir(), 'ringback-data-'));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await Promise.all(running.map((redis) => redis.stop()));
    running = [];
    rmSync(dataDir, { recursive: true });
  });

  async function start(options: Parameters<typeof ensureRedis>[0]): Promise<EmbeddedRedis> {
    const redis = await ensureRedis(options);
    running.push(redis);
    return redis;
  }

  async function ask<T>(url: string, question: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(url);
    try {
      return await question(client);
    } finally {
      client.disconnect();
    }
  }

  const setting = (url: string, name: string) => ask(url, (client) => client.config('GET', name));

  it('keeps what it has acknowledged, evicts nothing and listens on this machine only', async () => {
    const { url } = await start({ persist: true, dataDir });

    expect(url).toMatch(/^redis:\/\/127\.0\.0\.1:\d+$/);
    expect(await setting(url, 'appendonly')).toEqual(['appendonly', 'yes']);
    expect(await setting(url, 'appendfsync')).toEqual(['appendfsync', 'everysec']);
    expect(await setting(url, 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    expect(await setting(url, 'save')).toEqual(['save', '']);
    expect(await setting(url, 'bind')).toEqual(['bind', '127.0.0.1']);
  });

  it('has its data again after a stop, which leaves no process and no lock', async () => {
    const first = await start({ persist: true, dataDir });
    const process = identify(first.pid);
    await ask(first.url, (client) => client.set('kept', 'yes'));

    await first.stop();

    expect(isAlive(process)).toBe(false);
    expect(readdirSync(dataDir).filter((name) => name.includes('lock'))).toEqual([]);
    const second = await start({ persist: true, dataDir });
    expect(await ask(second.url, (client) => client.get('kept'))).toBe('yes');
  });

  it('is not started twice on one folder', async () => {
    await start({ persist: true, dataDir });

    await expect(ensureRedis({ persist: true, dataDir })).rejects.toThrow(
      `Another process (${process.pid}) is already running a Redis on ${dataDir}.`,
    );
  });

  it('replaces the one that a killed owner left behind, and has its data', async () => {
    const orphan = await leaveOrphan({ persist: true, dataDir });
    await ask(orphan.url, (client) => client.set('kept', 'yes'));
    const process = identify(orphan.pid);
    expect(isAlive(process)).toBe(true);

    const { url } = await start({ persist: true, dataDir });

    expect(isAlive(process)).toBe(false);
    expect(await ask(url, (client) => client.get('kept'))).toBe('yes');
  });

  it('offers the tests many databases in memory, and leaves no folder', async () => {
    const redis = await start({ persist: false });
    const [, dir = ''] = (await setting(redis.url, 'dir')) as string[];

    expect(await setting(redis.url, 'appendonly')).toEqual(['appendonly', 'no']);
    expect(await setting(redis.url, 'databases')).toEqual(['databases', '8192']);
    expect(existsSync(dir)).toBe(true);
    await redis.stop();
    expect(existsSync(dir)).toBe(false);
  });

  it('clears away the ones in memory that killed owners left behind', async () => {
    const orphan = await leaveOrphan({ persist: false });
    const [, dir = ''] = (await setting(orphan.url, 'dir')) as string[];
    const process = identify(orphan.pid);

    await start({ persist: false });

    expect(isAlive(process)).toBe(false);
    expect(existsSync(dir)).toBe(false);
  });

  it('is refused in production', async () => {
    vi.stubEnv('NODE_ENV', 'production');

    await expect(ensureRedis({ persist: true, dataDir })).rejects.toThrow('REDIS_URL is not set');
    expect(readdirSync(dataDir)).toEqual([]);
  });
});

/** A Redis whose owner was killed before it could stop it. */
async function leaveOrphan(options: Parameters<typeof ensureRedis>[0]): Promise<{ url: string; pid: number }> {
  const script = `
    import { ensureRedis } from ${JSON.stringify(new URL('../../scripts/ensure-redis.mjs', import.meta.url).href)};
    const { url, pid } = await ensureRedis(${JSON.stringify(options)});
    console.log(JSON.stringify({ url, pid }));
  `;
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: owner.stdout }), 'line');
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  return JSON.parse(line);
}
