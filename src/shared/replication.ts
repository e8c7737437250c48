import { Cluster, type Redis } from 'ioredis';
import type { RunScript } from './redis-scripts.ts';
import { isRedisTrouble } from './redis-trouble.ts';

/** A replica on the same continent answers within milliseconds; below the time that a request has for Redis. */
const PATIENCE_MS = 500;

/** How a server says that it became a replica during the wait, or before. */
const IS_REPLICA = /^UNBLOCKED|^ERR WAIT cannot be used with replica/;

/** A write is in the primary, and maybe nowhere else: a failover at this moment could lose it. */
export class NotReplicatedError extends Error {
  override readonly name = 'NotReplicatedError';
}

export type ConfirmReplicated = () => Promise<void>;

/**
 * Builds the wait for replicas (`WAIT`): resolves once what this connection has written is on so many of them.
 * Replication is asynchronous, so without it a failover may lose what was acknowledged a moment before.
 *
 * @param replicas - 0: nobody waits.
 * @returns a function that throws {@link NotReplicatedError} when too few replicas answer in time.
 * @see https://redis.io/docs/latest/commands/wait/
 */
export function createConfirmReplicated(redis: Redis | Cluster, replicas: number): ConfirmReplicated {
  const waitOn = createWaitOn(replicas);
  return async function confirmReplicated() {
    if (replicas === 0) return;
    // of a Cluster any primary may have taken the write; those that took none answer at once
    const servers = redis instanceof Cluster ? redis.nodes('master') : [redis];
    const reached = await Promise.all(servers.map(waitOn));
    if (reached.every((count) => count >= replicas)) return;
    throw new NotReplicatedError(`NOREPLICAS the write did not reach ${replicas} replicas in ${PATIENCE_MS} ms`);
  };
}

/** Whether replicas have a record as it was read, whoever wrote it; false: it is another one by now. */
export type ConfirmRecord = (key: string, version: string) => Promise<boolean>;

/**
 * Builds the wait for a record of one partition: `WAIT` speaks of what its own connection wrote, so something is written
 * after the record.
 *
 * @param mark - the key that is written.
 * @returns a function that throws {@link NotReplicatedError} when too few replicas answer in time.
 */
export function createConfirmRecord(deps: {
  runScript: RunScript;
  mark: string;
  replicas: number;
  confirmReplicated: ConfirmReplicated;
}): ConfirmRecord {
  return async function confirmRecord(key, version) {
    if (deps.replicas === 0) return true;
    if ((await deps.runScript('markRecord', [key, deps.mark], [version])) !== 1) return false;
    await deps.confirmReplicated();
    return true;
  };
}

/**
 * Builds the count of replicas that have what a connection wrote. WAIT speaks of its own connection only: asked again on a
 * new one, it knows of no write, and a server that has just taken over would confirm what it never had. One that becomes a
 * replica itself, since another has taken over, ends the wait with an error, and will forget what was written.
 *
 * A WAIT holds up whatever its connection sends after it. So there is one at a time, for all who ask before it begins:
 * while a replica is away they would otherwise stand in line, each for the others' patience, too.
 */
function createWaitOn(replicas: number): (server: Redis) => Promise<number> {
  const waits = new WeakMap<Redis, { running: Promise<number>; next: Promise<number> | undefined }>();

  async function reached(server: Redis): Promise<number> {
    try {
      return await server.wait(replicas, PATIENCE_MS);
    } catch (error) {
      if (isRedisTrouble(error) || (error instanceof Error && IS_REPLICA.test(error.message))) return 0;
      throw error;
    }
  }

  function begin(server: Redis): Promise<number> {
    const wait = { running: reached(server), next: undefined };
    waits.set(server, wait);
    const over = () => {
      if (waits.get(server) === wait && wait.next === undefined) waits.delete(server);
    };
    wait.running.then(over, over);
    return wait.running;
  }

  /** One that begins after what was written until now. */
  function join(server: Redis): Promise<number> {
    const wait = waits.get(server);
    if (wait === undefined) return begin(server);
    const beginNext = () => begin(server);
    wait.next ??= wait.running.then(beginNext, beginNext);
    return wait.next;
  }

  return async function waitOn(server) {
    const { stream } = server; // none yet: nothing was written on it
    const count = await join(server);
    return stream === undefined || server.stream === stream ? count : 0;
  };
}
