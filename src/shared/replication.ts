import { Cluster, type Redis } from 'ioredis';
import type { RunScript } from './redis-scripts.ts';

/** A replica on the same continent answers within milliseconds; below the time that a request has for Redis. */
const PATIENCE_MS = 500;

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
  return async function confirmReplicated() {
    if (replicas === 0) return;
    // of a Cluster any primary may have taken the write; those that took none answer at once
    const servers = redis instanceof Cluster ? redis.nodes('master') : [redis];
    const reached = await Promise.all(servers.map((server) => waitOn(server, replicas)));
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
 * Replicas that have what this connection wrote. WAIT speaks of its own connection only: asked again on a new one, it knows
 * of no write, and a server that has just taken over would confirm what it never had. One that becomes a replica itself,
 * since another has taken over, ends the wait with an error, and will forget what was written.
 */
async function waitOn(server: Redis, replicas: number): Promise<number> {
  const { stream } = server; // none yet: nothing was written on it
  const reached = await server.wait(replicas, PATIENCE_MS).catch((error: Error) => {
    if (error.message.startsWith('UNBLOCKED')) return 0;
    throw error;
  });
  return stream === undefined || server.stream === stream ? reached : 0;
}
