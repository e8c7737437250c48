import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findRedis } from '../scripts/redis-program.mjs';
import { findQuietPort } from './quiet-port.ts';

/** Several Redis servers on loopback that make up one store. */
export interface RedisNodes {
  /** As `REDIS_URL` names it. */
  url: string;
  /** Process id of the server that takes writes at this moment. */
  primaryPid(): Promise<number>;
  /** SIGKILL for the primary; resolves when another server has taken over and the dead one is back as its replica. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

const POLL_MS = 50;
const WITHIN_MS = 30_000;
/** After so long without an answer a server counts as dead. */
const DOWN_AFTER_MS = 1_000;
/** A Cluster's servers talk among each other on a second port, so far above the first. */
const BUS = 10_000;
const START_TRIES = 5;

interface Node {
  port: number;
  dir: string;
  args: readonly string[];
  child: ChildProcess;
  client: Redis;
}

/** A server's settings, by its port. */
type Settings = (port: number) => readonly string[];

async function createFleet() {
  const program = await findRedis(() => {});
  const root = await mkdtemp(path.join(tmpdir(), 'ringback-nodes-'));
  const { bin, env } = await program.command({ port: 0, dir: root, settings: [], persist: false });
  const nodes: Node[] = [];
  // of a process that is told to end in the middle of it, no server stays behind
  process.once('exit', () => nodes.map(({ child }) => child.kill('SIGKILL')));

  const launch = (args: readonly string[]) => spawn(bin, [...args], { env, stdio: 'ignore' });

  async function start(settings: Settings, sentinel?: string): Promise<Node> {
    for (let tries = 1; ; tries++) {
      const node = await begin(settings, sentinel);
      const ended = once(node.child, 'exit').then(() => '');
      const answer = await Promise.race([node.client.info('server'), ended]);
      if (answer.includes(`process_id:${node.child.pid}\r\n`)) return node;
      node.client.disconnect(); // somebody else has taken its port since it was looked at
      nodes.pop();
      if (tries === START_TRIES) throw new Error(`a Redis on port ${node.port} ended at once`);
    }
  }

  async function begin(settings: Settings, sentinel?: string): Promise<Node> {
    const port = await findQuietPort([BUS]);
    const dir = path.join(root, String(port));
    const conf = `${dir}.conf`;
    const lines = [`port ${port}`, 'bind 127.0.0.1', `dir ${root}`, ...settings(port), sentinel ?? ''];
    await writeFile(conf, `${lines.join('\n')}\n`);
    const args = [conf, ...(sentinel === undefined ? [] : ['--sentinel'])];
    const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null, retryStrategy: () => POLL_MS });
    client.on('error', () => {}); // it is killed on purpose
    const node: Node = { port, dir, args, child: launch(args), client };
    nodes.push(node);
    return node;
  }

  async function kill(node: Node): Promise<void> {
    if (node.child.exitCode !== null || node.child.signalCode !== null) return;
    const exited = once(node.child, 'exit');
    // until its client has noticed, a command would be given to it and wait for a server that may never come back
    const noticed = node.client.status === 'ready' ? once(node.client, 'close') : undefined;
    node.child.kill('SIGKILL');
    await Promise.all([exited, noticed]);
  }

  return {
    start,
    kill,
    restart(node: Node): void {
      node.child = launch(node.args);
    },
    async stop(): Promise<void> {
      for (const { client } of nodes) client.disconnect();
      await Promise.all(nodes.map(kill));
      await rm(root, { recursive: true, force: true });
    },
  };
}

const data = (port: number) => [
  'appendonly yes',
  'appendfsync always',
  `appenddirname aof-${port}`,
  `dbfilename dump-${port}.rdb`,
  'maxmemory-policy noeviction',
  'save ""',
];

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + WITHIN_MS;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`not within ${WITHIN_MS / 1000} s: ${what}`);
    await sleep(POLL_MS);
  }
}

const roleOf = async (node: Node) => ((await node.client.role()) as unknown[])[0];
/** Whether a replica has caught up with its primary. */
const isInSync = async (node: Node) => /master_link_status:up/.test(await node.client.info('replication'));

/** A primary, two replicas and three Sentinels that watch them. */
export async function startSentinels(): Promise<RedisNodes> {
  const fleet = await createFleet();
  try {
    const first = await fleet.start(data);
    const replica = () => fleet.start((port) => [...data(port), `replicaof 127.0.0.1 ${first.port}`]);
    const servers = [first, await replica(), await replica()];
    for (const node of servers.slice(1)) await until(() => isInSync(node), 'the replicas follow');
    const rules = (port: number) => [
      `sentinel monitor ringback 127.0.0.1 ${first.port} 2`,
      `sentinel down-after-milliseconds ringback ${DOWN_AFTER_MS}`,
      'sentinel failover-timeout ringback 5000',
      `pidfile sentinel-${port}.pid`,
    ];
    const sentinels: Node[] = [];
    for (let i = 0; i < 3; i++) sentinels.push(await fleet.start(rules, ''));
    const says = async (sentinel: Node) =>
      (await sentinel.client.call('SENTINEL', 'get-master-addr-by-name', 'ringback')) as [string, string];
    const knows = async (sentinel: Node) =>
      ((await sentinel.client.call('SENTINEL', 'sentinels', 'ringback')) as unknown[]).length === 2;
    for (const sentinel of sentinels) await until(() => knows(sentinel), 'the Sentinels know each other');

    async function primary(): Promise<Node> {
      const [sentinel] = sentinels;
      const [, port] = sentinel ? await says(sentinel) : [];
      const found = servers.find((node) => node.port === Number(port));
      if (!found) throw new Error('the Sentinels name no server of ours');
      return found;
    }

    return {
      url: `redis-sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/ringback`,
      primaryPid: async () => (await primary()).child.pid ?? 0,
      async failOver() {
        const dead = await primary();
        await fleet.kill(dead);
        await until(async () => {
          const next = await primary();
          return next !== dead && (await roleOf(next)) === 'master';
        }, 'a replica takes over');
        fleet.restart(dead);
        await until(async () => (await roleOf(dead)) === 'slave' && (await isInSync(dead)), 'the dead one follows');
      },
      stop: fleet.stop,
    };
  } catch (error) {
    await fleet.stop();
    throw error;
  }
}

const SLOTS = 16_384;

/** A Cluster of three primaries with a replica each. @param keyOfInterest - the primary that holds it is "the" primary. */
export async function startCluster(keyOfInterest: string): Promise<RedisNodes> {
  const fleet = await createFleet();
  try {
    const nodes: Node[] = [];
    for (let i = 0; i < 6; i++) {
      nodes.push(
        await fleet.start((port) => [
          ...data(port),
          'cluster-enabled yes',
          `cluster-config-file nodes-${port}.conf`,
          `cluster-node-timeout ${DOWN_AFTER_MS}`,
          'cluster-replica-validity-factor 0',
        ]),
      );
    }
    const primaries = nodes.slice(0, 3);
    const [first] = nodes;
    for (const [i, node] of primaries.entries()) {
      const range = [Math.floor((SLOTS * i) / 3), Math.floor((SLOTS * (i + 1)) / 3) - 1].map(String);
      await node.client.call('CLUSTER', 'ADDSLOTSRANGE', ...range);
      await node.client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
    }
    for (const node of nodes.slice(1)) await node.client.call('CLUSTER', 'MEET', '127.0.0.1', String(first?.port));
    const knowsAll = async (node: Node) =>
      (String(await node.client.call('CLUSTER', 'NODES')).match(/ connected/g) ?? []).length >= 6;
    for (const node of nodes) await until(() => knowsAll(node), 'the nodes know each other');
    for (const [i, node] of nodes.slice(3).entries()) {
      const id = String(await primaries[i]?.client.call('CLUSTER', 'MYID'));
      await node.client.call('CLUSTER', 'REPLICATE', id);
    }
    for (const node of nodes.slice(3)) await until(() => isInSync(node), 'the replicas follow');
    const isWhole = async (node: Node) => /cluster_state:ok/.test(String(await node.client.call('CLUSTER', 'INFO')));
    for (const node of nodes) await until(() => isWhole(node), 'the Cluster is whole');

    async function primary(): Promise<Node> {
      for (const node of nodes) {
        if (node.client.status !== 'ready' || (await roleOf(node)) !== 'master') continue;
        // a node that does not hold the key's slot says where it is
        const here = await node.client.exists(keyOfInterest).then(
          () => true,
          () => false,
        );
        if (here) return node;
      }
      throw new Error('nobody holds the slot at this moment');
    }

    return {
      url: `redis-cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
      primaryPid: async () => (await primary()).child.pid ?? 0,
      async failOver() {
        const dead = await primary();
        await fleet.kill(dead);
        await until(async () => (await primary()) !== dead, 'a replica takes over');
        fleet.restart(dead);
        await until(async () => (await roleOf(dead)) === 'slave' && (await isInSync(dead)), 'the dead one follows');
        for (const node of nodes) await until(() => isWhole(node), 'the Cluster is whole');
      },
      stop: fleet.stop,
    };
  } catch (error) {
    await fleet.stop();
    throw error;
  }
}
