import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Env, PROJECT_DIR } from './env.ts';

/** A service that `npm start` runs on this machine. */
export interface DevelopmentService {
  url: string;
  /** What its processes were started with. */
  env: Env;
}

/**
 * Finds the service that `npm start` runs, by what it keeps in its data folder.
 *
 * @returns undefined when none is running.
 */
export async function findDevelopmentService(env: Env): Promise<DevelopmentService | undefined> {
  const dataDir = path.resolve(PROJECT_DIR, env['RINGBACK_DATA_DIR'] || '.data');
  const lockFile = path.join(dataDir, 'start.lock');
  const secretsFile = path.join(dataDir, 'development.json');
  if (!existsSync(lockFile) || !existsSync(secretsFile)) return undefined;

  // only now: an image for production has no scripts folder
  const { isAlive, readLock } = await import('../../scripts/process-lock.mjs');
  const { dropEmpty, serviceEnv, usesSandbox } = await import('../../scripts/settings.mjs');
  const holder = readLock(lockFile);
  if (typeof holder?.['url'] !== 'string' || !isAlive(holder)) return undefined;
  const own = dropEmpty({ ...env });
  const secrets = JSON.parse(readFileSync(secretsFile, 'utf8'));
  const redisUrl = String(own['REDIS_URL'] ?? holder['redisUrl']);
  const sandboxUrl = usesSandbox(own) ? String(holder['sandboxUrl']) : undefined;
  return { url: holder['url'], env: serviceEnv(own, { secrets, redisUrl, sandboxUrl }) };
}
