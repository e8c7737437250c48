import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireLock, identify, LockedError, readLock } from '../../scripts/process-lock.mjs';

describe('the lock of a folder', () => {
  let dir = '';
  let file = '';

  beforeEach(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), 'ringback-lock-'));
    file = path.join(dir, 'start.lock');
  });
  afterEach(() => {
    rmSync(dir, { recursive: true });
  });

  it('is held by one, who says what others should know', () => {
    const lock = acquireLock(file);
    lock.note({ url: 'http://127.0.0.1:3000' });

    expect(() => acquireLock(file)).toThrow(LockedError);
    expect(readLock(file)).toMatchObject({ pid: process.pid, url: 'http://127.0.0.1:3000' });
  });

  it('is free again once released, and leaves no file', () => {
    acquireLock(file).release();

    expect(readdirSync(dir)).toEqual([]);
    expect(acquireLock(file).previous).toBeUndefined();
  });

  it('is taken over from a holder that has died, with its notes', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    const dead = { pid, startedAt: '1', url: 'http://127.0.0.1:3000' };
    writeFileSync(file, JSON.stringify(dead));

    expect(acquireLock(file).previous).toEqual(dead);
    expect(readLock(file)).toEqual(identify(process.pid));
  });

  it.runIf(process.platform === 'linux')('is taken over where another process got the number of the holder', () => {
    writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: '1' }));

    expect(acquireLock(file).previous).toEqual({ pid: process.pid, startedAt: '1' });
  });

  it('is taken over when its file is broken', () => {
    writeFileSync(file, '{"pid":');

    expect(acquireLock(file).previous).toBeUndefined();
  });
});
