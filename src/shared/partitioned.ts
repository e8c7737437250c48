import type { Job } from 'bullmq';
import type { CallbackStore, PartitionCallbackStore, StoredCallback } from './callback-store.ts';
import type { EndpointStore } from './endpoint-store.ts';
import type { Errands, PartitionErrands } from './errands.ts';
import type { AttemptId, CallbackId, VerificationId } from './ids.ts';
import type { Keys } from './keys.ts';
import type { Entry } from './newest-first.ts';
import { type PartitionName, placesOf, ROOT_PARTITION } from './partitions.ts';
import type { QueueName, Queues } from './queues.ts';
import type { PartitionVerificationStore, VerificationStore } from './verification-store.ts';
import type { Verifications } from './verifications.ts';

/** One partition: its records and the queues of their jobs. */
export interface Partition {
  name: PartitionName;
  keys: Keys;
  queues: Queues;
  errands: PartitionErrands;
  store: PartitionVerificationStore;
  callbacks: PartitionCallbackStore;
  verifications: Verifications;
}

/** An id that tells its partition. */
type AnyId = VerificationId | AttemptId | CallbackId;

export type FindJob = ReturnType<typeof createPartitioned>['findJob'];

/**
 * All partitions as if they were one. An id tells its partition; what was made when there were fewer is found where it
 * was made, and stays there until it vanishes.
 *
 * @param filled - so many of them take what is new; fewer than there are while other processes do not know all of them.
 */
export function createPartitioned(partitions: readonly Partition[], filled: number) {
  const byName = new Map(partitions.map((partition) => [partition.name, partition]));
  const inPartition = (name: PartitionName): Partition => {
    const found = byName.get(name);
    if (found === undefined) throw new Error(`there is no partition ${name}`);
    return found;
  };
  const root = inPartition(ROOT_PARTITION);
  const places = (id: AnyId) => placesOf(id, partitions.length).map(inPartition);
  const home = (id: AnyId) => placesOf(id, filled).map(inPartition)[0] ?? root;

  /** What the first place has that has any. */
  async function first<T>(id: AnyId, ask: (place: Partition) => Promise<T | undefined>): Promise<T | undefined> {
    for (const place of places(id)) {
      const found = await ask(place);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  const verifications: Verifications = {
    create: (decision, now) => home(decision.next.id).verifications.create(decision, now),
    settled: () => Promise.all(partitions.map((place) => place.verifications.settled())),
    update: (id, event, known) => first(id, (place) => place.verifications.update(id, event, known)),
    async forgetActive(v, id) {
      for (const place of places(v.id)) await place.verifications.forgetActive(v, id);
    },
  };

  const store: VerificationStore = {
    read: (id) => first(id, (place) => place.store.read(id)),
    async confirm(found) {
      for (const place of places(found.stored.verification.id)) if (await place.store.confirm(found)) return true;
      return false;
    },
    async story(id) {
      const story = await first(id, async (place) => {
        const facts = await place.store.story(id);
        return facts.length > 0 ? facts : undefined;
      });
      return story ?? [];
    },
    newestFirst: (owner, index, from, limit) =>
      newestOf(
        partitions.map((partition) => partition.store.newestFirst(owner, index, from, limit)),
        limit,
      ),
    activeFor: (v) => first(v.id, (place) => place.store.activeFor(v)),
    forgetActive: verifications.forgetActive,
  };

  const callbacks: CallbackStore = {
    read: (id) => first(id, (place) => place.callbacks.read(id)),
    async save(before: StoredCallback, after, told) {
      for (const place of places(after.id)) if (await place.callbacks.save(before, after, told)) return true;
      return false;
    },
    async confirm(stored) {
      for (const place of places(stored.callback.id)) if (await place.callbacks.confirm(stored)) return true;
      return false;
    },
    record: (made, now) => root.callbacks.record(made, now),
    newestFirst: (owner, endpoint, from, limit) =>
      newestOf(
        partitions.map((partition) => partition.callbacks.newestFirst(owner, endpoint, from, limit)),
        limit,
      ),
    async between(endpoint, since, until, limit) {
      const found = await Promise.all(
        partitions.map((partition) => partition.callbacks.between(endpoint, since, until, limit)),
      );
      return found
        .flat()
        .sort((a, b) => a.at - b.at)
        .slice(0, limit);
    },
    async ofVerification(id) {
      const owed = await Promise.all(places(id).map((place) => place.callbacks.ofVerification(id)));
      return owed.flat();
    },
  };

  const errands: Errands = {
    async bringForward(owed) {
      const { id } = owed.callback;
      const place = await first(id, async (each) => (await each.callbacks.read(id)) && each);
      await (place ?? home(id)).errands.bringForward(owed);
    },
    async tellInLog(id, story, words) {
      for (const place of places(id)) await place.errands.tellInLog(id, story, words);
    },
  };

  /** A job, by the id of what it is for. */
  const findJob = (queue: QueueName, id: AnyId): Promise<Job | undefined> =>
    first(id, (place) => place.queues[queue].getJob(id));

  return { partitions, verifications, store, callbacks, errands, findJob };
}

/** The newest of several lists that are each sorted so; entries of the same moment by their ids, descending. */
async function newestOf<Id extends string>(
  lists: readonly Promise<Entry<Id>[]>[],
  limit: number,
): Promise<Entry<Id>[]> {
  const entries = (await Promise.all(lists)).flat();
  return entries.sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1)).slice(0, limit);
}

/**
 * The endpoints as one partition needs them. They are kept in the root; what is stored elsewhere names their version
 * there, so that an event is not fanned out to an outdated set: a partition whose note differs looks at the root anew.
 */
export function endpointsSeenFrom(
  keys: Keys,
  root: EndpointStore,
  noteVersion: (key: string, version: string) => Promise<unknown>,
): Pick<EndpointStore, 'of' | 'load'> {
  return {
    of: root.of,
    async load(owner) {
      const set = await root.load(owner);
      await noteVersion(keys.endpointsVersion(owner), set.version);
      return set;
    },
  };
}
