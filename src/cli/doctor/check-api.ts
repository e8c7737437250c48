import { z } from 'zod';
import { connect } from '../client.ts';
import type { Env } from '../env.ts';
import { explain } from '../explain.ts';
import { type Finding, fail, ok, skip, warn } from './finding.ts';

const TIMEOUT_MS = 5_000;
const CHECK = 'api';

const Ready = z.object({ degraded: z.array(z.object({ channel: z.string(), detail: z.string() })) });

/** Asks the API whether it is ready, and whether it knows the key. */
export async function checkApi(env: Env, apiKeyFile: string | undefined): Promise<Finding[]> {
  const url = env['RINGBACK_URL'];
  if (!url) return [skip(CHECK, 'RINGBACK_URL is not set')];
  const probed = await probe(url);
  return probed.status === 'fail' ? [probed] : [probed, await checkKey(env, apiKeyFile)];
}

async function probe(url: string): Promise<Finding> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    body = await response.json();
  } catch {
    return fail(CHECK, 'its /readyz was not reached', 'Is it running, and is RINGBACK_URL its address?');
  }
  const ready = Ready.safeParse(body);
  if (response.status !== 200 || !ready.success)
    return fail(CHECK, `its /readyz answered ${response.status}`, 'See its log; does it reach Redis?');
  const { degraded } = ready.data;
  if (degraded.length === 0) return ok(CHECK, 'ready');
  const troubles = degraded.map(({ channel, detail }) => `${channel}: ${detail}`).join('; ');
  return warn(CHECK, `ready, with trouble at SignalWire (${troubles})`, 'See what the worker logs about it.');
}

async function checkKey(env: Env, apiKeyFile: string | undefined): Promise<Finding> {
  try {
    const ringback = await connect({ env, apiKeyFile });
    await ringback.list({ limit: 1 }, { timeoutMs: TIMEOUT_MS }).page();
    return ok('api key', 'known');
  } catch (error) {
    const { code, message } = explain(error);
    if (code === 'usage') return skip('api key', message);
    return fail('api key', message, 'Set RINGBACK_API_KEY to the secret of one of its API keys.');
  }
}
