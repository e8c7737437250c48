import { createRingback, type Ringback } from '../../clients/typescript/src/index.ts';
import type { Context } from './command.ts';
import { findConnection } from './connection.ts';

/** Somebody waits in front of it, who can try again. */
const RETRIES = 2;

/**
 * Builds a client of the API that the environment names.
 *
 * @throws {UsageError} when there is no key, or the address is none.
 */
export async function connect({ env, apiKeyFile }: Pick<Context, 'env' | 'apiKeyFile'>): Promise<Ringback> {
  return createRingback({ ...(await findConnection(env, apiKeyFile)), retries: RETRIES });
}
