import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Redis } from 'ioredis';
import { networkOf } from '../../shared/client-network.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Keys } from '../../shared/keys.ts';
import type { RunScript } from '../../shared/redis-scripts.ts';

/** Failures count for so long from the first one; then the lock is gone by itself. */
export const LOCK_MS = 15 * 60_000;
/** Failed sign-ins that one place has within that time. */
export const PLACE_FAILURES = 10;
/** Failed sign-ins that one user has from all places together that are not known to be the user's. */
export const USER_FAILURES = 30;
/** How long a place stays known after a sign-in. */
export const KNOWN_MS = 30 * 24 * 60 * 60_000;

/** Where an attempt comes from: an address, and the token of a browser that has signed in before. */
export interface Origin {
  address: string;
  device: string | undefined;
}

/** An attempt that may be made. It counts as failed until it is said to have been right. */
export interface Admission {
  admitted: true;
  /** @param newDevice - the token that the browser is given, and is known by from now on. */
  wasRight(newDevice?: string): Promise<void>;
}

export type LockOut = ReturnType<typeof createLockOut>;

/**
 * Slows down the guessing of passwords, by place and by user. What fails for a user elsewhere must not lock the user out:
 * so the limit by user counts only places where the user has not signed in before, and a browser that has is a place of
 * its own, whatever happens at its address (OWASP's device cookies). The names that are tried may be passwords in the
 * wrong field, so they are kept as hashes.
 */
export function createLockOut({
  redis,
  runScript,
  keys,
  clock,
}: {
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  clock: Clock;
}) {
  const inTurn = createTurns();

  async function begin(
    user: string,
    { address, device }: Origin,
  ): Promise<Admission | { admitted: false; waitMs: number }> {
    const userHash = hash(user);
    const addressPlace = `address:${placeOf(address)}`;
    const known = (place: string) => keys.signInPlace(userHash, hash(place));
    const devicePlace = device === undefined ? undefined : deviceOf(device);
    const isKnownDevice = devicePlace !== undefined && (await redis.exists(known(devicePlace))) === 1;
    const place = isKnownDevice ? devicePlace : addressPlace;

    const touched = [keys.signInFailures(hash(place)), keys.signInFailures(`user:${userHash}`), known(place)];
    const limits = [PLACE_FAILURES, USER_FAILURES, LOCK_MS];
    const [waitMs, wasKnown] = (await runScript('signInBegin', touched, [clock.now(), ...limits])) as [number, number];
    if (waitMs > 0) return { admitted: false, waitMs };
    return {
      admitted: true,
      async wasRight(newDevice) {
        await runScript('signInEnd', touched, [wasKnown, KNOWN_MS]);
        if (newDevice !== undefined) await redis.set(known(deviceOf(newDevice)), '1', 'PX', KNOWN_MS);
      },
    };
  }

  return {
    begin,
    /** One after the other from one address: right passwords sent side by side must not meet the limit of wrong ones. */
    inTurn: <T>({ address }: Origin, work: () => Promise<T>) => inTurn(placeOf(address), work),
  };
}

/** A reverse proxy may tell something else than an address; an address of this link (`%`) has no network to speak of. */
function placeOf(address: string): string {
  return isIP(address) === 0 || address.includes('%') ? address : networkOf(address);
}

const deviceOf = (token: string) => `device:${hash(token)}`;

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function createTurns() {
  const last = new Map<string, Promise<unknown>>();
  return async function inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const mine = (last.get(name) ?? Promise.resolve()).then(work, work);
    last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (last.get(name) === mine) last.delete(name);
    }
  };
}
