import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { Pool } from 'undici';
import { ensureRedis } from '../scripts/ensure-redis.mjs';
import { type Program, type ServiceProcess, startProcess } from '../test/service-processes.ts';
import { wallNow } from './clock.ts';
import { startProvider } from './provider.ts';

const KEY = 'bench-secret-of-good-length';
/** Limits are off: what they cost is measured, what they prevent is not wanted here. */
const OFF = Object.fromEntries(
  ['NUMBER_COOLDOWN', 'NUMBER', 'NUMBER_TOTAL', 'NUMBER_API_KEY', 'COUNTRY', 'PREFIX', 'FAILED_CHECKS'].map((limit) => [
    `LIMIT_${limit}`,
    'off',
  ]),
);

export interface Verification {
  id: string;
  to: string;
  status: string;
}

export type Room = Awaited<ReturnType<typeof openRoom>>;

/** Everything a measurement needs: a Redis with an append-only file, a provider without delay, processes as in production. */
export async function openRoom() {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'ringback-bench-'));
  const server = await ensureRedis({ dataDir, persist: true, log: () => {} });
  const redis = new Redis(server.url);
  const provider = await startProvider();
  const receiver = await startReceiver();
  const running: ServiceProcess[] = [];
  const pools: Pool[] = [];
  const env = {
    REDIS_URL: server.url,
    SIGNALWIRE_BASE_URL: provider.url,
    SIGNALWIRE_PROJECT_KEY: 'bench',
    SIGNALWIRE_TOKEN: 'bench',
    API_KEYS: `bench:${KEY}`,
    CALLBACK_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
    CALLBACK_ALLOW_NETWORKS: '127.0.0.0/8',
    HOST: '127.0.0.1',
    PORT: '0',
    METRICS_PORT: '0',
    SMS_RATE_PER_SECOND: '0',
    CALL_RATE_PER_SECOND: '0',
    LOG_LEVEL: 'error',
    ...OFF,
  };

  async function start(program: Program, more: Record<string, string> = {}): Promise<ServiceProcess> {
    const started = await startProcess(program, { ...env, ...more });
    running.push(started);
    return started;
  }

  async function stop(processes: readonly ServiceProcess[] = running): Promise<void> {
    for (const { child } of processes) child.kill('SIGKILL');
    await Promise.all(processes.map(({ exited }) => exited));
    const left = running.filter((process) => !processes.includes(process));
    running.splice(0, running.length, ...left);
  }

  return {
    env,
    redisUrl: server.url,
    redisPid: server.pid,
    redis,
    provider,
    receiver,
    start,
    stop,

    /** A client of the API that keeps its connections. */
    client(url: string, connections = 64, authorization = `Bearer ${KEY}`) {
      const pool = new Pool(url, { connections });
      pools.push(pool);
      const send = async <T>(method: 'GET' | 'POST', route: string, body?: unknown): Promise<T> => {
        const response = await pool.request({
          method,
          path: route,
          headers: { authorization, 'content-type': 'application/json' },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        const answer = (await response.body.json()) as T;
        if (response.statusCode >= 300) throw new Error(`${response.statusCode}: ${JSON.stringify(answer)}`);
        return answer;
      };
      return {
        send,
        async submit(to: string, more: Record<string, unknown> = {}): Promise<Verification> {
          const v = await send<Verification>('POST', '/v1/verifications', { to, ...more });
          if (v.status === 'blocked') throw new Error(`${to} is blocked`); // nobody would ever see it arrive
          return v;
        },
        check: (id: string) =>
          send<{ approved: boolean }>('POST', `/v1/verifications/${id}/checks`, { code: '123456' }),
      };
    },

    /** As if nothing had ever been stored. */
    async empty(): Promise<void> {
      await stop();
      await redis.flushall();
      provider.forget();
      receiver.forget();
    },

    async close(): Promise<void> {
      await stop();
      await Promise.all(pools.map((pool) => pool.destroy()));
      redis.disconnect();
      await Promise.all([provider.close(), receiver.close()]);
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Takes every callback, and notes when it came. */
async function startReceiver() {
  const arrivals = new Map<string, number>();
  const waiting = new Map<string, () => void>();
  const server = createServer((request, response) => {
    const at = wallNow();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.writeHead(204).end();
      const { type, data } = JSON.parse(Buffer.concat(chunks).toString()) as {
        type: string;
        data: { verification: { id: string } };
      };
      const name = `${type} ${data.verification.id}`;
      arrivals.set(name, at);
      waiting.get(name)?.();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    /** When an event came. */
    async event(type: string, id: string): Promise<number> {
      const name = `${type} ${id}`;
      if (!arrivals.has(name)) {
        await new Promise<void>((resolve) => {
          waiting.set(name, resolve);
        });
      }
      return arrivals.get(name) ?? 0;
    },
    forget(): void {
      arrivals.clear();
      waiting.clear();
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
