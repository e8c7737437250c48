import { randomUUID } from 'node:crypto';
import type { Settings } from '../../shared/config.ts';
import { createPostOnce, type Exchange } from '../../shared/post-once.ts';
import { USER_AGENT } from '../../shared/version.ts';
import { type Finding, fail, ok, skip, warn } from './finding.ts';

const TIMEOUT_MS = 10_000;
const CHECK = 'signalwire';

/**
 * Checks address and credentials without sending anything: it asks whether a made-up code is right for a made-up id. That
 * call needs the very scope that sending needs, costs nothing, and answers 404 to valid credentials, 401 to others. A
 * host that is no SignalWire space might answer 404 to everything; so a 404 counts only when the same call with a wrong
 * token is refused.
 */
export async function checkSignalWire(settings: Partial<Settings>): Promise<Finding[]> {
  const origin = settings.SIGNALWIRE_BASE_URL ?? settings.SIGNALWIRE_SPACE;
  const { SIGNALWIRE_PROJECT_KEY: project, SIGNALWIRE_TOKEN: token } = settings;
  if (origin === undefined || project === undefined || token === undefined)
    return [skip(CHECK, 'not checked without good SIGNALWIRE_* settings')];
  const host = new URL(origin).host;
  const exchange = await askAboutNothing(origin, project, token);
  if (exchange.kind === 'answered' && exchange.httpStatus === 404) {
    const control = await askAboutNothing(origin, project, randomUUID());
    const refused = control.kind === 'answered' && [401, 403].includes(control.httpStatus);
    return [
      refused
        ? ok(CHECK, `${host} accepts the credentials`)
        : fail(
            CHECK,
            `${host} answers 404 to any credentials`,
            'Is the name of the space right? See SIGNALWIRE_SPACE in example.env.',
          ),
    ];
  }
  return [judge(exchange, host)];
}

async function askAboutNothing(origin: string, project: string, token: string): Promise<Exchange> {
  const client = createPostOnce({
    origin,
    headers: {
      authorization: `Basic ${Buffer.from(`${project}:${token}`).toString('base64')}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': USER_AGENT,
    },
    connectTimeoutMs: TIMEOUT_MS / 2,
    monotonicNow: () => performance.now(),
  });
  try {
    return await client.post(
      `/api/relay/rest/mfa/${randomUUID()}/verify`,
      { token: '000000' },
      { timeoutMs: TIMEOUT_MS },
    );
  } finally {
    await client.close();
  }
}

function judge(exchange: Exchange, host: string): Finding {
  if (exchange.kind !== 'answered') {
    return fail(
      CHECK,
      `${host} was not reached: ${exchange.cause}`,
      'Is the name of the space right, and may this machine reach it over https?',
    );
  }
  const { httpStatus } = exchange;
  const detail = `${host} answered ${httpStatus}`;
  if (httpStatus === 401)
    return fail(
      CHECK,
      `${detail}: it does not know the credentials`,
      'Copy SIGNALWIRE_PROJECT_KEY and SIGNALWIRE_TOKEN again.',
    );
  if (httpStatus === 402) return fail(CHECK, `${detail}: payment required`, 'Is the account in credit?');
  if (httpStatus === 403)
    return fail(CHECK, `${detail}: the token may not do this`, 'Give the token the Management scope.');
  if (httpStatus === 429 || httpStatus >= 500)
    return warn(CHECK, `${detail}: reached, but it has trouble`, 'Try again; see https://status.signalwire.com.');
  return fail(
    CHECK,
    `${detail}, which is not what its API answers`,
    'Is the name of the space right? See SIGNALWIRE_SPACE in example.env.',
  );
}
