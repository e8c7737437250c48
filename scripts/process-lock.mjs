// A lock file that says which process holds a folder. It outlives a killed holder, and is then taken over.
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * @typedef {{ pid: number, startedAt: string | null, [note: string]: unknown }} Holder
 * @typedef {{ previous: Holder | undefined, note: (notes: Record<string, unknown>) => void, release: () => void }} Lock
 */

/** The lock is held by a process that is alive. */
export class LockedError extends Error {
  /** @param {Holder} holder */
  constructor(holder) {
    super(`Locked by process ${holder.pid}`);
    this.holder = holder;
  }
}

/**
 * Takes the lock, or takes it over from a holder that is gone: `previous` is what that one had noted.
 *
 * @param {string} file
 * @returns {Lock}
 * @throws {LockedError} while a living process holds it.
 */
export function acquireLock(file) {
  /** @type {Holder} */
  const holder = identify(process.pid);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });

  const previous = claim(file, holder);
  return {
    previous,
    note: (notes) => {
      Object.assign(holder, notes);
      writeFileSync(`${file}.new`, JSON.stringify(holder), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
    release: () => rmSync(file, { force: true }),
  };
}

/**
 * A process, so that `isAlive` still knows it when its number has gone to another one.
 *
 * @param {number} pid
 * @returns {Holder}
 */
export const identify = (pid) => ({ pid, startedAt: startOf(pid) });

/**
 * Who holds the lock, alive or gone.
 *
 * @param {string} file
 * @returns {Holder | undefined} undefined when nobody does.
 */
export function readLock(file) {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8'));
    return typeof holder?.pid === 'number' ? holder : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {Holder} holder
 * @returns {boolean}
 */
export function isAlive({ pid, startedAt }) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM') return false;
  }
  // After a reboot another process may have got the number: its start time tells them apart.
  return startOf(pid) === startedAt;
}

/**
 * @param {string} file
 * @param {Holder} holder
 * @returns {Holder | undefined} the dead holder it was taken from
 */
function claim(file, holder) {
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
  /** @type {Holder | undefined} */
  let previous;
  try {
    for (;;) {
      try {
        linkSync(draft, file); // fails when the file exists, and shows it to others only with its content
        return previous;
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      }
      const found = readLock(file);
      if (found && isAlive(found)) throw new LockedError(found);
      previous = found ?? previous;
      moveAside(file, found);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Removes the lock of a dead holder. Another process may have taken it over since it was read: then it is put back.
 *
 * @param {string} file
 * @param {Holder | undefined} dead
 */
function moveAside(file, dead) {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // gone already
  }
  const moved = readLock(aside);
  if (moved && moved.pid !== dead?.pid && isAlive(moved)) renameSync(aside, file);
  else rmSync(aside, { force: true });
}

/**
 * When a process started, in the kernel's own words; null where it can't be told.
 *
 * @param {number} pid
 */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields 3 and 22, counted behind the command's name, which may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null); // a zombie is dead, only not yet buried
  } catch {
    return null;
  }
}
