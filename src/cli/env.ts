import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';

export type Env = Readonly<Record<string, string | undefined>>;

export const PROJECT_DIR = fileURLToPath(new URL('../..', import.meta.url));

/** The environment, with the project's `.env` under it as for the service itself: what is set already wins. */
export function loadEnv(own: Env): Env {
  const file = path.join(PROJECT_DIR, '.env');
  return existsSync(file) ? { ...parseEnv(readFileSync(file, 'utf8')), ...own } : own;
}
