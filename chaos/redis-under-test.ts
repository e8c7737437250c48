import { Cluster, Redis } from 'ioredis';
import { createKeys } from '../src/shared/keys.ts';
import { parseRedisUrl } from '../src/shared/redis-address.ts';
import { type RedisNodes, startCluster, startSentinels } from '../test/redis-nodes.ts';
import { startTcpProxy, type TcpProxy } from '../test/tcp-proxy.ts';
import { startRedisServer } from './redis-server.ts';

export const REDIS_KINDS = ['single', 'sentinel', 'cluster'] as const;
export type RedisKind = (typeof REDIS_KINDS)[number];

/** The Redis of a run, and what can be done to it. */
export interface RedisUnderTest {
  kind: RedisKind;
  /** `REDIS_URL` of the n-th process. */
  urlOf(n: number): string;
  /** Past the ways that are cut. */
  directUrl: string;
  /** Ways to the server that can be cut; none where clients find the servers by themselves. */
  proxies: readonly TcpProxy[];
  /** SIGKILL for the server that takes the writes; resolves when writes are taken again, by it or by another one. */
  kill(): Promise<void>;
  freeze(): Promise<unknown>;
  thaw(): void;
  stop(): Promise<void>;
}

export async function startRedisUnderTest(kind: RedisKind): Promise<RedisUnderTest> {
  if (kind === 'single') return startSingle();
  return withFreeze(kind, await (kind === 'sentinel' ? startSentinels() : startCluster(createKeys().due)));
}

async function startSingle(): Promise<RedisUnderTest> {
  const server = await startRedisServer();
  const proxies = [await startTcpProxy(server.port), await startTcpProxy(server.port)];
  return {
    kind: 'single',
    urlOf: (n) => `redis://127.0.0.1:${proxies[n % proxies.length]?.port}`,
    directUrl: server.url,
    proxies,
    kill: server.killAndRestart,
    freeze: async () => server.freeze(),
    thaw: server.thaw,
    async stop() {
      for (const proxy of proxies) await proxy.close();
      await server.stop();
    },
  };
}

function withFreeze(kind: RedisKind, nodes: RedisNodes): RedisUnderTest {
  let frozen: number | undefined;
  const thaw = () => {
    if (frozen !== undefined) process.kill(frozen, 'SIGCONT');
    frozen = undefined;
  };
  return {
    kind,
    urlOf: () => nodes.url,
    directUrl: nodes.url,
    proxies: [],
    kill: nodes.failOver,
    async freeze() {
      frozen = await nodes.primaryPid();
      process.kill(frozen, 'SIGSTOP');
    },
    thaw,
    async stop() {
      thaw();
      await nodes.stop();
    },
  };
}

const SLOTS_REFRESH_MS = 500;

/** A connection that bears what is done to the servers. */
export function connectToAll(url: string): Redis {
  const address = parseRedisUrl(url);
  const patient = { maxRetriesPerRequest: null };
  const redis =
    address.kind === 'single'
      ? new Redis(url, patient)
      : address.kind === 'sentinel'
        ? new Redis({ ...patient, sentinels: [...address.sentinels], name: address.primary })
        : (new Cluster([...address.nodes], {
            redisOptions: patient,
            slotsRefreshInterval: SLOTS_REFRESH_MS,
          }) as unknown as Redis);
  redis.on('error', () => {}); // it is killed on purpose
  return redis;
}

/** The servers to look through for all keys: those that say themselves that they are primaries, whatever was known before. */
export async function serversOf(redis: Redis | Cluster): Promise<Redis[]> {
  if (!(redis instanceof Cluster)) return [redis];
  const nodes = redis.nodes('all');
  const roles = await Promise.all(nodes.map((node) => node.role().catch(() => [])));
  return nodes.filter((_node, i) => roles[i]?.[0] === 'master');
}
