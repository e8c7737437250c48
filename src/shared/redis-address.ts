/** Where Redis is: one server, the Sentinels that know the primary, or some nodes of a Cluster. */
export type RedisAddress = Login &
  (
    | { kind: 'single'; url: string }
    | { kind: 'sentinel'; sentinels: readonly Host[]; primary: string; database: number }
    | { kind: 'cluster'; nodes: readonly Host[] }
  );

interface Login {
  username: string | undefined;
  password: string | undefined;
  tls: boolean;
}

export interface Host {
  host: string;
  port: number;
}

/** The address cannot be used; the message says why and the remedy, and never repeats it: it may hold a password. */
export class RedisAddressError extends Error {
  override readonly name = 'RedisAddressError';
}

export const SINGLE_FORM = 'redis://[[user]:password@]host[:port][/db] or rediss://… for TLS';
export const SENTINEL_FORM =
  'redis-sentinel://[[user]:password@]host[:26379][,host[:port]…]/primary-name[/db] or rediss-sentinel://… for TLS';
export const CLUSTER_FORM =
  'redis-cluster://[[user]:password@]host[:6379][,host[:port]…] or rediss-cluster://… for TLS';

const DEFAULT_PORTS = { '': 6_379, '-cluster': 6_379, '-sentinel': 26_379 } as const;

/**
 * Reads a `REDIS_URL`. User and password of the Sentinel and Cluster forms are those of the Redis servers; special
 * characters are percent-encoded.
 *
 * @throws {RedisAddressError}
 */
export function parseRedisUrl(text: string): RedisAddress {
  const [, s, flavour, rest = ''] = /^redis(s?)(-sentinel|-cluster)?:\/\/(.*)$/is.exec(text) ?? [];
  if (s === undefined)
    throw new RedisAddressError(`is no Redis URL. Set ${SINGLE_FORM}, ${SENTINEL_FORM}, or ${CLUSTER_FORM}.`);
  if (flavour === undefined) return parseSingle(text, s !== '');

  const kind = flavour.toLowerCase() as '-sentinel' | '-cluster';
  const form = kind === '-sentinel' ? SENTINEL_FORM : CLUSTER_FORM;
  const at = rest.lastIndexOf('@');
  const [hostList = '', ...path] = rest
    .slice(at + 1)
    .replace(/\/$/, '')
    .split('/');
  const hosts = hostList.split(',').map((host) => parseHost(host, DEFAULT_PORTS[kind]));
  if (/[?#]/.test(rest.slice(at + 1)) || hosts.includes(undefined)) {
    throw new RedisAddressError(`names no list of servers. Set ${form}.`);
  }
  const login = { ...parseLogin(rest.slice(0, Math.max(0, at)), form), tls: s !== '' };
  const servers = hosts as Host[];
  if (kind === '-cluster') {
    if (path.length > 0) throw new RedisAddressError(`has a path; a Cluster has no databases. Set ${form}.`);
    return { kind: 'cluster', nodes: servers, ...login };
  }
  const [primary = '', database = '0', ...more] = path;
  if (!/^[\w.-]{1,100}$/.test(primary) || !/^\d{1,4}$/.test(database) || more.length > 0) {
    throw new RedisAddressError(`does not name the primary that the Sentinels watch. Set ${form}.`);
  }
  return { kind: 'sentinel', sentinels: servers, primary, database: Number(database), ...login };
}

function parseSingle(text: string, tls: boolean): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // a comma before the host may stand in a password
  if ((url?.hostname ?? text.replace(/^.*@/, '')).includes(',')) {
    throw new RedisAddressError(`names several servers. Set ${SENTINEL_FORM}, or ${CLUSTER_FORM}.`);
  }
  if (!url?.hostname || url.hash || !isDecodable(url.username + url.password)) {
    throw new RedisAddressError(
      `is no Redis URL. Set ${SINGLE_FORM}; special characters in the password are percent-encoded.`,
    );
  }
  if (!/^\/?\d{0,4}$/.test(url.pathname)) {
    throw new RedisAddressError(`has a path that is no database number. Set ${SINGLE_FORM}.`);
  }
  if (!['', '?family=0', '?family=4', '?family=6'].includes(url.search)) {
    throw new RedisAddressError(
      'has parameters. Only ?family=0, 4 or 6 (the IP version) may stand behind the address.',
    );
  }
  return { kind: 'single', url: text, ...parseLogin([url.username, url.password].join(':'), SINGLE_FORM), tls };
}

function parseLogin(text: string, form: string): Omit<Login, 'tls'> {
  const colon = text.indexOf(':');
  const user = colon === -1 ? '' : text.slice(0, colon);
  const password = text.slice(colon + 1);
  if (!isDecodable(text) || (text !== '' && colon === -1)) {
    throw new RedisAddressError(`has no readable login. Set ${form}; special characters are percent-encoded.`);
  }
  return {
    username: user === '' ? undefined : decodeURIComponent(user),
    password: password === '' ? undefined : decodeURIComponent(password),
  };
}

/** `host`, `host:port` or `[ipv6]:port`. */
function parseHost(text: string, defaultPort: number): Host | undefined {
  const [, ipv6, name, digits] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = digits === undefined ? defaultPort : Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
