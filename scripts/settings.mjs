// The environment of the processes that `npm start` runs.
import { randomBytes, randomUUID } from 'node:crypto';

/** @typedef {NodeJS.ProcessEnv} Env */

/**
 * Made once and kept, so that a client's key and a bookmarked page work after the next start too.
 *
 * @typedef {object} DevelopmentSecrets
 * @property {string} SIGNALWIRE_PROJECT_KEY - what the sandbox knows
 * @property {string} SIGNALWIRE_TOKEN
 * @property {string} API_KEYS
 * @property {string} ADMIN_USER
 * @property {string} ADMIN_PASSWORD
 * @property {string} CALLBACK_SECRET
 * @property {string} [ENCRYPTION_KEYS] - absent from those that an older release made
 */

/** @returns {DevelopmentSecrets} */
export function makeDevelopmentSecrets() {
  return {
    SIGNALWIRE_PROJECT_KEY: randomUUID(),
    SIGNALWIRE_TOKEN: `PT${randomBytes(24).toString('hex')}`,
    API_KEYS: `dev:${randomBytes(24).toString('base64url')}`,
    ADMIN_USER: 'admin',
    ADMIN_PASSWORD: randomBytes(9).toString('base64url'),
    CALLBACK_SECRET: `whsec_${randomBytes(24).toString('base64')}`,
    ENCRYPTION_KEYS: `dev:${randomBytes(32).toString('base64')}`,
  };
}

/** What the service also takes from files. */
export const SECRETS = [
  'SIGNALWIRE_PROJECT_KEY',
  'SIGNALWIRE_TOKEN',
  'REDIS_URL',
  'API_KEYS',
  'ADMIN_PASSWORD',
  'ADMIN_USERS',
  'OIDC_CLIENT_SECRET',
  'CALLBACK_SECRET',
  'NUMBER_KEY',
  'ENCRYPTION_KEYS',
  'TEST_NUMBERS',
];

/**
 * An empty value counts as unset, as in the service itself.
 *
 * @param {Env} env
 * @returns {Env}
 */
export function dropEmpty(env) {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value));
}

/**
 * What `npm start` can't do with these settings, in words for the reader; undefined when it can start.
 *
 * @param {Env} env - without empty values
 * @returns {string | undefined}
 */
export function findRefusal(env) {
  const file = SECRETS.find((name) => env[`${name}_FILE`]);
  if (file) return `${file}_FILE is for "npm run api" and "npm run worker"; for "npm start" set ${file} itself.`;
  if (env['NODE_ENV'] === 'production') {
    const missing = ['REDIS_URL', 'SIGNALWIRE_PROJECT_KEY', 'SIGNALWIRE_TOKEN', 'API_KEYS'].filter(
      (name) => !env[name],
    );
    if (!env['SIGNALWIRE_SPACE'] && !env['SIGNALWIRE_BASE_URL'])
      missing.push('SIGNALWIRE_SPACE (or SIGNALWIRE_BASE_URL)');
    if (missing.length === 0) return undefined;
    return `NODE_ENV is production, where nothing is embedded or made up. Set ${missing.join(', ')}.`;
  }
  if (Boolean(env['SIGNALWIRE_PROJECT_KEY']) !== Boolean(env['SIGNALWIRE_TOKEN'])) {
    return 'Set both SIGNALWIRE_PROJECT_KEY and SIGNALWIRE_TOKEN, or neither to use the sandbox.';
  }
  if (usesSandbox(env) && env['SIGNALWIRE_BASE_URL']) {
    return 'SIGNALWIRE_BASE_URL is set: set SIGNALWIRE_PROJECT_KEY and SIGNALWIRE_TOKEN too, or unset it to use the sandbox.';
  }
  return undefined;
}

/**
 * @param {Env} env - without empty values
 * @returns {boolean}
 */
export const usesSandbox = (env) => env['NODE_ENV'] !== 'production' && !env['SIGNALWIRE_PROJECT_KEY'];

/**
 * The environment of the API and the worker. What the user has set wins, except that the sandbox replaces SignalWire as a
 * whole.
 *
 * @param {Env} env - without empty values
 * @param {object} parts
 * @param {DevelopmentSecrets} parts.secrets
 * @param {string} parts.redisUrl
 * @param {string | undefined} parts.sandboxUrl - undefined when SignalWire itself is used
 * @returns {Env}
 */
export function serviceEnv(env, { secrets, redisUrl, sandboxUrl }) {
  if (env['NODE_ENV'] === 'production') return { ...env, REDIS_URL: redisUrl };

  const { SIGNALWIRE_PROJECT_KEY, SIGNALWIRE_TOKEN, CALLBACK_SECRET, ENCRYPTION_KEYS, ...signIn } = secrets;
  const defaults = { HOST: '127.0.0.1', ...signIn };
  if (sandboxUrl === undefined) return { ...defaults, ...env, REDIS_URL: redisUrl };
  return {
    ...defaults,
    CALLBACK_SECRET,
    ...(ENCRYPTION_KEYS && { ENCRYPTION_KEYS }),
    DEMO: 'true',
    LIMIT_CLIENT_IP: 'off', // here all visitors are one, and nothing costs money
    CALLBACK_ALLOW_NETWORKS: '127.0.0.0/8,::1/128',
    ...env,
    REDIS_URL: redisUrl,
    SIGNALWIRE_BASE_URL: sandboxUrl,
    SIGNALWIRE_PROJECT_KEY,
    SIGNALWIRE_TOKEN,
    RINGBACK_SANDBOX_URL: sandboxUrl,
  };
}

/**
 * Two processes of one machine can't share a metrics port: the worker takes the next one.
 *
 * @param {Env} env
 * @returns {Env}
 */
export function workerEnv(env) {
  const port = Number(env['METRICS_PORT']);
  return Number.isInteger(port) && port > 0 ? { ...env, METRICS_PORT: String(port + 1) } : env;
}

/**
 * What the terminal shows once everything runs.
 *
 * @param {object} running
 * @param {string} running.apiUrl
 * @param {string | undefined} running.sandboxUrl
 * @param {Env} running.env - the API's
 * @param {string} running.redis
 * @param {string} running.logDir
 * @returns {string}
 */
export function summarize({ apiUrl, sandboxUrl, env, redis, logDir }) {
  const { API_KEYS, ADMIN_USER, ADMIN_PASSWORD, CALLBACK_SECRET, DEMO, NODE_ENV } = env;
  const showsSecrets = NODE_ENV !== 'production';
  const [name, secret] = splitKey(API_KEYS);

  /** @type {(readonly [label: string, text: string] | false)[]} */
  const rows = [
    ['API', `${apiUrl}/v1`],
    ['Reference', `${apiUrl}/docs`],
    DEMO === 'true' && ['Demo page', `${apiUrl}/demo`],
    sandboxUrl !== undefined && ['Phone', `${sandboxUrl}   texts and calls arrive here`],
    ADMIN_USER !== undefined && ['Console', `${apiUrl}/admin   how it goes; the same sign-in as for the queues`],
    ADMIN_USER !== undefined && [
      'Queues',
      `${apiUrl}/admin/queues${showsSecrets ? `   sign in as ${ADMIN_USER} with ${shownPassword(ADMIN_PASSWORD)}` : ''}`,
    ],
    showsSecrets && ['API key', `${secret}   named ${name}`],
    showsSecrets && CALLBACK_SECRET !== undefined && ['Callbacks', `signed with ${CALLBACK_SECRET}`],
    ['Redis', redis],
    ['Logs', logDir],
  ];
  const lines = rows.filter((row) => row !== false).map(([label, text]) => `  ${label.padEnd(11)} ${text}`);
  const title = sandboxUrl
    ? 'Ringback is running. The sandbox plays SignalWire: nothing is really sent, nothing costs money.'
    : 'Ringback is running against SignalWire: codes are really sent, and cost money.';
  return [title, '', ...lines, ...(showsSecrets ? ['', curl({ apiUrl, secret, sandboxUrl })] : []), ''].join('\n');
}

/**
 * @param {string | undefined} password - or its hash, which nobody can sign in with
 * @returns {string}
 */
const shownPassword = (password = '') => (password.startsWith('scrypt$') ? 'your password' : password);

/** @param {{ apiUrl: string, secret: string, sandboxUrl: string | undefined }} options */
function curl({ apiUrl, secret, sandboxUrl }) {
  // A number that only the sandbox reaches; for SignalWire itself it has to be one's own.
  const to = sandboxUrl ? '+14045550123' : '+1XXXXXXXXXX';
  const headers = `-H 'Authorization: Bearer ${secret}' -H 'Content-Type: application/json'`;
  return `Submit a verification:\n\n  curl -sS ${apiUrl}/v1/verifications ${headers} -d '{"to":"${to}"}'`;
}

/**
 * @param {string | undefined} apiKeys - `name:secret`, comma-separated
 * @returns {[name: string, secret: string]} the first of them
 */
function splitKey(apiKeys = '') {
  const [first = ''] = apiKeys.split(',');
  const colon = first.indexOf(':');
  return [first.slice(0, colon).trim(), first.slice(colon + 1).trim()];
}
