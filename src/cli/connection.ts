import { readFileSync } from 'node:fs';
import { UsageError } from './command.ts';
import { findDevelopmentService } from './development-service.ts';
import type { Env } from './env.ts';

/** Where the API is, and the key to it. */
export interface Connection {
  url: string;
  apiKey: string;
}

/**
 * Finds the API: `RINGBACK_URL`, else the service that `npm start` runs here, else `PORT` of this machine. The key is
 * `RINGBACK_API_KEY` or in a file; one that is found, and not given, is only ever sent to this machine.
 *
 * @throws {UsageError} when there is no key, or the URL is none.
 */
export async function findConnection(env: Env, apiKeyFile: string | undefined): Promise<Connection> {
  const given = env['RINGBACK_URL'];
  const here = given ? undefined : await findDevelopmentService(env);
  const url = given || here?.url || `http://127.0.0.1:${env['PORT'] || 3000}`;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new UsageError('RINGBACK_URL is no http or https URL.');
  const found = isLoopback(url) ? firstSecret((here?.env ?? env)['API_KEYS']) : undefined;
  const apiKey = apiKeyFile === undefined ? env['RINGBACK_API_KEY'] || found : readKey(apiKeyFile);
  if (!apiKey) {
    throw new UsageError(
      'There is no API key. Set RINGBACK_API_KEY, name a file with --api-key-file, or run `npm start` beside it.',
    );
  }
  if (!/^[\x21-\x7e]+$/.test(apiKey)) throw new UsageError('The API key holds what no API key may. Copy it again.');
  return { url, apiKey };
}

/** Whether a URL leads to this machine. */
function isLoopback(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new UsageError(`The API key file cannot be read: ${(error as NodeJS.ErrnoException).code}.`);
  }
}

/** Of `name:secret,name:secret`. */
function firstSecret(apiKeys = ''): string | undefined {
  const [first = ''] = apiKeys.split(',');
  return first.slice(first.indexOf(':') + 1).trim() || undefined;
}
