import type { buildConnector } from 'undici';
import { createCallbackConnector, createNetworkPolicy, TargetRefusedError } from '../../shared/callback-target.ts';
import type { Settings } from '../../shared/config.ts';
import { describeNetworkError } from '../../shared/network-errors.ts';
import { type Finding, fail, ok, skip } from './finding.ts';

const CHECK = 'callback target';

/** Opens a connection to `CALLBACK_URL` by the same rules as a delivery, TLS included, and closes it: nothing is delivered. */
export async function checkCallbackTarget(settings: Partial<Settings>): Promise<Finding[]> {
  const { CALLBACK_URL: target, CALLBACK_ALLOW_NETWORKS: networks = [] } = settings;
  if (target === undefined || !URL.canParse(target)) return [skip(CHECK, 'no good CALLBACK_URL is set')];
  const url = new URL(target);
  const connect = createCallbackConnector(createNetworkPolicy(networks));
  const error = await open(connect, url);
  if (error === undefined)
    return [ok(CHECK, `${url.host} is allowed and takes connections${url.protocol === 'https:' ? ' over TLS' : ''}`)];
  if (error instanceof TargetRefusedError) {
    return [
      fail(
        CHECK,
        `${url.host} leads to an address that is not allowed`,
        'Use a public address, or add its network to CALLBACK_ALLOW_NETWORKS.',
      ),
    ];
  }
  return [
    fail(
      CHECK,
      `${url.host} was not reached: ${describeNetworkError(error, 'no connection')}`,
      'Is the receiver up, and may this machine reach it?',
    ),
  ];
}

function open(connect: buildConnector.connector, url: URL): Promise<Error | undefined> {
  const { hostname, host, protocol } = url;
  const port = url.port || (protocol === 'https:' ? '443' : '80');
  return new Promise((resolve) => {
    connect({ hostname, host, protocol, port }, (error, socket) => {
      socket?.destroy();
      resolve(error ?? undefined);
    });
  });
}
