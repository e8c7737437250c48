import { z } from 'zod';
import { type Finding, fail, ok, skip, warn } from './finding.ts';

const TIMEOUT_MS = 5_000;
const CHECK = 'api';

const Ready = z.object({ degraded: z.array(z.object({ channel: z.string(), detail: z.string() })) });

/** Asks the API's probe, which needs no key. */
export async function checkApi(url: string | undefined): Promise<Finding[]> {
  if (!url) return [skip(CHECK, 'RINGBACK_URL is not set')];
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    body = await response.json();
  } catch {
    return [fail(CHECK, 'its /readyz was not reached', 'Is it running, and is RINGBACK_URL its address?')];
  }
  const ready = Ready.safeParse(body);
  if (response.status !== 200 || !ready.success)
    return [fail(CHECK, `its /readyz answered ${response.status}`, 'See its log; does it reach Redis?')];
  const { degraded } = ready.data;
  if (degraded.length === 0) return [ok(CHECK, 'ready')];
  const troubles = degraded.map(({ channel, detail }) => `${channel}: ${detail}`).join('; ');
  return [warn(CHECK, `ready, with trouble at SignalWire (${troubles})`, 'See what the worker logs about it.')];
}
