import { BlockList, isIP } from 'node:net';
import { getCountries } from 'libphonenumber-js/max';
import { z } from 'zod';
import type { AdminUser } from './admin-user.ts';
import { KEY_NAME } from './api-key.ts';
import type { ByName } from './by-name.ts';
import { isCallbackSecret } from './callback-signature.ts';
import { parseCidr } from './callback-target.ts';
import type { Channel } from './channel.ts';
import { MILLION } from './cost.ts';
import type { CountryPolicy } from './country-rule.ts';
import { Duration, formatDuration } from './duration.ts';
import type { Limit, NamedLimits } from './limit.ts';
import type { EncryptionKey } from './number-cipher.ts';
import type { NumberList } from './number-list.ts';
import type { NumberTypePolicy } from './number-type-rule.ts';
import { HASH_PREFIX, parsePasswordHash } from './password.ts';
import { judgeNumber, NUMBER_TYPES } from './phone-number.ts';
import type { GuardConfig } from './pumping-guard.ts';
import { parseRedisUrl, RedisAddressError } from './redis-address.ts';
import type { Budget } from './spending.ts';
import type { TestNumber } from './test-numbers.ts';

class Refusal extends Error {}

/** One environment variable: a text that `read` turns into a value. `missing` is said when a required one is unset. */
function variable<T>(read: (text: string) => T, missing = 'is required.') {
  return z.string({ error: missing }).transform((text, ctx) => {
    try {
      return read(text);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      ctx.addIssue(error.message);
      return z.NEVER;
    }
  });
}

/** Ends the reading of a variable with what is wrong and the remedy. The problem is printed: it never holds a secret. */
function refuse(problem: string): never {
  throw new Refusal(problem);
}

/** A whole number, without sign or exponent. */
export function integer({ min, max, unit = '' }: { min: number; max: number; unit?: string }) {
  return variable((text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    const inRange = value >= min && value <= max;
    return inRange ? value : refuse(`${quote(text)} is no integer from ${min} to ${max}. Set one${of(unit)}.`);
  });
}

/** Milliseconds, from `<integer>(ms|s|m|h|d)`. */
export function duration({ minMs, maxMs }: { minMs: number; maxMs: number }) {
  return variable((text) => readDuration(text, minMs, maxMs));
}

/** Milliseconds, from a plain integer of seconds or `<integer>(ms|s|m|h|d)`. */
export function secondsOrDuration({ maxMs }: { maxMs: number }) {
  return variable((text) => readDuration(/^\d+$/.test(text) ? `${text}s` : text, 0, maxMs));
}

/** Milliseconds, from comma-separated durations. */
export function durations({ maxCount, maxMs }: { maxCount: number; maxMs: number }) {
  return variable((text) => {
    const items = splitList(text);
    if (items.length > maxCount) return refuse(`holds ${items.length} durations. Set at most ${maxCount}.`);
    return items.map((item) => readDuration(item, 0, maxMs));
  });
}

/** Events per second, fractions allowed; 0 is for unlimited. */
export const ratePerSecond = variable((text) => {
  const value = /^\d{1,5}(\.\d{1,6})?$/.test(text) ? Number(text) : undefined;
  return value ?? refuse(`${quote(text)} is no rate. Set a number such as 4 or 0.5, or 0 for unlimited.`);
});

/** A switch. */
export const flag = variable((text) => {
  const word = text.toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(word)) return true;
  if (['false', '0', 'no', 'off'].includes(word)) return false;
  return refuse(`${quote(text)} is no switch. Set true or false.`);
});

/** One of a few words, in any case. */
export function oneOf<const T extends string>(words: readonly T[]) {
  return variable((text) => {
    const word = words.find((candidate) => candidate === text.toLowerCase());
    return word ?? refuse(`${quote(text)} is none of its values. Set one of ${words.join(', ')}.`);
  });
}

/** An address or host name to listen on. */
export const listenAddress = variable((text) => {
  const isName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text) && !/^[\d.]+$/.test(text); // digits alone are a mistyped address
  const valid = isIP(text) !== 0 || isName;
  return valid ? text : refuse(`${quote(text)} is no address to listen on. Set one such as 0.0.0.0, 127.0.0.1 or ::.`);
});

/** Part of a credential for HTTP: anything else in it comes from copying. */
export function credential(what: string, missing: string) {
  return variable((text) => {
    return VISIBLE_ASCII.test(text)
      ? text
      : refuse(`holds spaces or other than ASCII characters. Copy the ${what} again.`);
  }, missing);
}

/** The number that codes come from. Refusals do not repeat it: they end up in logs. */
export const senderNumber = variable((text) => {
  const judged = judgeNumber(text);
  return judged.ok
    ? judged.number
    : refuse(
        'is no possible E.164 number. Set "+", the country code and the rest in digits only, such as +14045550123.',
      );
});

/** The origin of a SignalWire space, from its name, its host name or its URL. */
export const signalwireSpace = variable((text) => {
  const match = /^(?:([a-z0-9-]+)|(?:https:\/\/)?([a-z0-9.-]+)\.signalwire\.com\/?)$/.exec(text.toLowerCase());
  const name = match?.[1] ?? match?.[2] ?? '';
  if (!name.split('.').every((label) => HOST_LABEL.test(label))) {
    return refuse(
      'is no SignalWire space. Set its name (acme), its host (acme.signalwire.com) or its https URL; any other origin goes into SIGNALWIRE_BASE_URL.',
    );
  }
  return `https://${name}.signalwire.com`;
});

/** An origin that gets our credentials: https, or http where nobody is on the way. */
export const trustedOrigin = variable((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['https:', 'http:'].includes(url.protocol)) {
    return refuse('is no URL of an HTTP server. Set one such as https://proxy.example.');
  }
  if (url.username || url.password || url.search || url.hash || url.pathname !== '/') {
    return refuse('holds more than scheme, host and port. Set the origin alone, such as https://proxy.example:8443.');
  }
  if (url.protocol === 'http:' && !isNearby(url.hostname)) {
    return refuse('would send the SignalWire token in clear. Use https; http is for localhost and private addresses.');
  }
  return url.origin;
});

/** Where Redis is. Refusals do not repeat it: it may hold a password. */
export const redisUrl = variable((text) => {
  try {
    parseRedisUrl(text);
    return text;
  } catch (error) {
    if (error instanceof RedisAddressError) return refuse(error.message);
    throw error;
  }
}, 'is required. Set the address of a Redis server, such as redis://localhost:6379.');

/** API keys, `name:secret`. Entries are named by their position: a slip may put the secret where the name belongs. */
export const apiKeys = variable((text) => {
  const ownerOf = new Map<string, string>();
  return splitList(text).map((entry, index) => {
    const which = `entry ${index + 1}`;
    const colon = entry.indexOf(':');
    const name = entry.slice(0, Math.max(0, colon));
    const secret = entry.slice(colon + 1);
    if (!KEY_NAME.test(name)) {
      return refuse(
        `${which} is not name:secret, with a name of 1 to 64 letters, digits, dots, hyphens or underscores.`,
      );
    }
    if (secret.length < 24) return refuse(`${which} has a secret of fewer than 24 characters. Make a longer one.`);
    if (!VISIBLE_ASCII.test(secret)) {
      return refuse(`${which} has a secret with spaces or other than ASCII characters. Make another one.`);
    }
    if ((ownerOf.get(secret) ?? name) !== name) {
      return refuse(`${which} has the secret of another name. Give each name a secret of its own.`);
    }
    ownerOf.set(secret, name);
    return { name, secret };
  });
});

/** A user name for HTTP Basic authentication (RFC 7617), where a colon ends the name. */
export const userName = variable((text) => {
  return text.includes(':') ? refuse('holds a colon. Choose a name without one.') : text;
});

/** A password, taken as it is, or its hash. */
export const adminPassword = variable((text) => {
  return text.startsWith(HASH_PREFIX) && parsePasswordHash(text) === undefined ? refuse(`is ${NO_HASH}`) : text;
});

/** People with a role and a hashed password, `name:role:hash`, comma-separated. */
export const adminUsers = variable((text) => {
  const users = splitList(text).map((entry, index): AdminUser => {
    const [, name, role, password = ''] = /^([^:]{1,64}):(viewer|operator):(.*)$/.exec(entry) ?? [];
    if (name === undefined || (role !== 'viewer' && role !== 'operator')) {
      return refuse(`entry ${index + 1} is not name:role:hash, with viewer or operator as the role.`);
    }
    if (parsePasswordHash(password) === undefined) return refuse(`entry ${index + 1} holds ${NO_HASH}`);
    return { name, role, password };
  });
  const names = new Set(users.map(({ name }) => name));
  return names.size === users.length ? users : refuse('has a name twice. Give each person one entry.');
});

/** The address of an OpenID provider, as its documents name it: https, or http to where nobody is on the way. */
export const issuer = variable((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.username || url.password || url.search || url.hash || !isSecureEnough(url)) {
    return refuse('is no address of an OpenID provider. Set its https URL, such as https://login.example/realms/acme.');
  }
  return text;
});

/** The origin that browsers reach us under: https, or http on this machine and in private networks. */
export const publicOrigin = variable((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.username || url.password || url.search || url.hash || url.pathname !== '/' || !isSecureEnough(url)) {
    return refuse('is no origin of a web page. Set its https URL without a path, such as https://verify.example.');
  }
  return url.origin;
});

/** E-mail addresses, in lower case, and groups, as `group:name`; comma-separated. */
export const oidcMembers = variable((text) => {
  return splitList(text).map((member, index) => {
    if (/^group:.+$/.test(member)) return member;
    const isAddress = /^[^\s@:]+@[^\s@:]+$/.test(member);
    return isAddress ? member.toLowerCase() : refuse(`entry ${index + 1} is neither an e-mail address nor group:name.`);
  });
});

function isSecureEnough(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isNearby(url.hostname));
}

const NO_HASH = 'no password hash as Ringback makes them (scrypt$N$r$p$salt$hash, N at least 16384). Make it again.';

/** Any text, taken as it is. */
export const verbatim = variable((text) => text);

/** A key that must not be guessed: phone numbers are few enough to try them all. */
export const secretKey = variable((text) => {
  return text.length >= 32 ? text : refuse('has fewer than 32 characters. Make a longer one.');
});

/** A ring of AES-256 keys, `id:base64`, comma-separated. Entries are named by their position: a slip may put the key first. */
export const encryptionKeys = variable((text) => {
  const ids = new Set<string>();
  return splitList(text).map((entry, index): EncryptionKey => {
    const which = `entry ${index + 1}`;
    const [, id, encoded] = /^([\w.-]{1,32}):([A-Za-z0-9+/_-]{43}=?)$/.exec(entry) ?? [];
    if (id === undefined || encoded === undefined) {
      return refuse(
        `${which} is not id:key, with an id of 1 to 32 letters, digits, dots, hyphens or underscores and the base64 of 32 random bytes.`,
      );
    }
    if (ids.has(id)) return refuse(`${which} has the id of another entry. Give each key an id of its own.`);
    ids.add(id);
    return { id, key: Buffer.from(encoded, 'base64') };
  });
});

/** Numbers with a code of their own, `number=code@last day`, comma-separated. Entries are named by their position. */
export const testNumbers = variable((text) => {
  const seen = new Set<string>();
  return splitList(text).map((entry, index): TestNumber => {
    const which = `entry ${index + 1}`;
    const [, number = '', code, day = ''] = /^([^=]+)=([A-Za-z0-9]{6,20})@(\d{4}-\d{2}-\d{2})$/.exec(entry) ?? [];
    if (code === undefined) {
      return refuse(`${which} is not number=code@day, with 6 to 20 digits or letters and the last day as YYYY-MM-DD.`);
    }
    const judged = judgeNumber(number);
    if (!judged.ok)
      return refuse(`${which} has no possible E.164 number. Set "+", the country code and the rest in digits.`);
    const midnight = Date.parse(`${day}T00:00:00Z`);
    if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day)) {
      return refuse(`${which} ends on a day that does not exist. Set one as YYYY-MM-DD.`);
    }
    if (seen.has(judged.number)) return refuse(`${which} has the number of another entry. Give each number one code.`);
    seen.add(judged.number);
    return { number: judged.number, code, expiresAt: midnight + DAY_MS };
  });
});

/** Standard Webhooks secrets, comma-separated. */
export const callbackSecrets = variable((text) => {
  return splitList(text).map((secret, index) =>
    isCallbackSecret(secret)
      ? secret
      : refuse(`entry ${index + 1} is no callback secret. Set whsec_ and the base64 of 24 to 64 random bytes.`),
  );
});

/** Networks in CIDR notation, comma-separated. */
export const networks = variable((text) => {
  return splitList(text).map((cidr) =>
    parseCidr(cidr)
      ? cidr
      : refuse(`${quote(cidr)} is no network. Set CIDRs such as 10.0.0.0/8 or fd00::/8, separated by commas.`),
  );
});

/** ISO 3166-1 alpha-2 codes, comma-separated. */
export const countries = variable((text) => {
  const known: ReadonlySet<string> = new Set(getCountries());
  const codes = splitList(text).map((code) => {
    const upper = code.toUpperCase();
    return known.has(upper) ? upper : refuse(`${quote(code)} is no country. Set ISO codes such as US or GB.`);
  });
  return [...new Set(codes)];
});

/** Where an OpenTelemetry collector takes OTLP over HTTP. */
export const collectorUrl = variable((text) =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
    ? text
    : refuse(`${quote(text)} is no address. Set the URL of a collector, such as http://localhost:4318.`),
);

/** What is wanted of the countries; monitored, the list allows and refuses nothing. */
export const countriesMode = variable((text): Pick<CountryPolicy, 'list' | 'mode'> => {
  const word = text.toLowerCase();
  if (word === 'allow' || word === 'block') return { list: word, mode: 'enforce' };
  if (word === 'monitor') return { list: 'allow', mode: 'monitor' };
  return refuse(`${quote(text)} is none of its values. Set one of allow, block, monitor.`);
});

/** Kinds of numbers, `[monitor:]kind,…`, or `off`. */
export const numberTypes = variable((text): NumberTypePolicy => {
  if (text.toLowerCase() === OFF) return { types: [], mode: 'enforce' };
  const monitored = text.startsWith(MONITOR);
  const types = splitList(monitored ? text.slice(MONITOR.length) : text).map((kind) => {
    const type = NUMBER_TYPES.find((known) => known === kind.toUpperCase().replaceAll('-', '_'));
    const known = NUMBER_TYPES.map((name) => name.toLowerCase().replaceAll('_', '-')).join(', ');
    return type ?? refuse(`${quote(kind)} is no kind of number. Set some of ${known}.`);
  });
  return { types, mode: monitored ? 'monitor' : 'enforce' };
});

/** Shares in percent, each less than the one before: when the guard alerts, throttles and blocks. */
export const guardShares = variable((text): GuardConfig['below'] => {
  const [alert, throttle, block, ...rest] = splitList(text).map((item) => (/^\d{1,3}$/.test(item) ? Number(item) : -1));
  if (alert === undefined || throttle === undefined || block === undefined || rest.length > 0) {
    return refuse('holds no three shares. Set those below which to alert, throttle and block, such as 50,35,20.');
  }
  if (alert > 100 || alert < throttle || throttle < block || block < 0) {
    return refuse(`${quote(text)} does not go down from 100 to 0. Set such as 50,35,20.`);
  }
  return { alert, throttle, block };
});

/** Numbers, and prefixes with a `*` behind them. Entries are named by their position: refusals end up in logs. */
export const numberList = variable((text): NumberList => {
  return splitList(text).map((entry, index) => {
    if (/^\+[1-9]\d{0,13}\*$/.test(entry) || judgeNumber(entry).ok) return entry;
    return refuse(
      `entry ${index + 1} is neither a possible E.164 number nor a prefix. Set such as +14045550123 or +1404555*.`,
    );
  });
});

/** Workflow steps, `channel[:duration]`, comma-separated; timeouts come out in seconds as the API has them. */
export const workflow = variable((text) => {
  const steps = splitList(text);
  if (steps.length > 4) return refuse(`has ${steps.length} steps. Set at most 4.`);
  return steps.map((step): { channel: Channel; timeout?: number } => {
    const [, channel, waits] = /^(sms|call)(?::(.*))?$/.exec(step) ?? [];
    if (channel !== 'sms' && channel !== 'call') {
      return refuse(`${quote(step)} is no step. Set sms or call, each with its timeout if any, such as sms:45s,call.`);
    }
    if (waits === undefined) return { channel };
    const timeout = readDuration(waits, 5_000, 900_000) / 1_000;
    return Number.isInteger(timeout) ? { channel, timeout } : refuse(`${quote(waits)} is not in whole seconds.`);
  });
});

const OFF = 'off';
const MONITOR = 'monitor:';
const LIMIT_EXAMPLE = 'such as 5/10m,10/d, monitor:5/10m to watch only, or off';

/** A limit: `[monitor:]count/duration[,…]`, or `off`, which is undefined. */
export const limit = variable(readLimit);

/**
 * Limits by name: `[limit][;name=limit…]`, the first one for every other name.
 *
 * @param names - what the names are; they come out as `normal` makes them.
 */
export function limitsByName(names: string, normal: (name: string) => string | undefined) {
  const example = '10/d;name=100/d';
  return variable((text): NamedLimits => readByName(text, { names, normal, read: readLimit, example }));
}

/** What one code costs, by country, in millionths: `[price][;country=price…]`. */
export const prices = variable((text): ByName<number> => {
  const example = '0.01;GB=0.05';
  const names = { names: 'a country code', normal: limitCountry };
  const { otherwise, named } = readByName(text, { ...names, read: readPrice, example });
  if (otherwise === undefined) return refuse(`has no price for all other countries. Set one in front: ${example}.`);
  return { otherwise, named };
});

/** What may be spent in a day, `[monitor:]amount`, or `off`, which is undefined. */
export const budget = variable(readBudget);

/** Budgets by name of the API key: `[budget][;name=budget…]`. */
export const budgetsByName = variable((text): ByName<Budget | undefined> => {
  const names = { names: 'the name of an API key', normal: limitName };
  return readByName(text, { ...names, read: readBudget, example: 'off;name=25' });
});

/** A name that a limit may have: that of an API key, or of a custom key. */
export function limitName(name: string): string | undefined {
  return /^[\w.-]{1,64}$/.test(name) ? name : undefined;
}

/** The country of a limit. */
export function limitCountry(code: string): string | undefined {
  const upper = code.toUpperCase();
  return getCountries().find((country) => country === upper);
}

/** How many parts the keys are spread over: a power of two, so that they group the 256 slots evenly. */
export const partitions = variable((text) => {
  const value = [1, 2, 4, 8, 16, 32, 64, 128, 256].find((candidate) => String(candidate) === text);
  return (
    value ?? refuse(`${quote(text)} is no power of two from 1 to 256. Set one of 1, 2, 4, 8, 16, 32, 64, 128, 256.`)
  );
});

/** Names of partitions, as their first slots in hex. */
export const partitionList = variable((text) => {
  const names = splitList(text);
  if (names.every((name) => /^[0-9a-f]{1,2}$/.test(name))) return names;
  return refuse('is no list of partitions. Set their first slots in hex, such as 0,80 of two.');
});

const DAY_MS = 24 * 60 * 60_000;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
const HOST_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

const NEARBY = new BlockList();
NEARBY.addSubnet('127.0.0.0', 8);
NEARBY.addSubnet('10.0.0.0', 8);
NEARBY.addSubnet('172.16.0.0', 12);
NEARBY.addSubnet('192.168.0.0', 16);
NEARBY.addAddress('::1', 'ipv6');
NEARBY.addSubnet('fc00::', 7, 'ipv6');

function isNearby(hostname: string): boolean {
  if (hostname === 'localhost') return true;
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  const version = isIP(address);
  return version !== 0 && NEARBY.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

function readDuration(text: string, minMs: number, maxMs: number): number {
  const parsed = Duration.safeParse(text);
  const inRange = parsed.success && parsed.data >= minMs && parsed.data <= maxMs;
  const range = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return inRange
    ? parsed.data
    : refuse(`${quote(text)} is no duration from ${range}. Set an integer and its unit (ms, s, m, h, d), such as 45s.`);
}

/** Counted requests are kept one by one, so a limit has a ceiling: a full one takes about 10 MB. */
const MAX_COUNT = 100_000;

function readLimit(text: string): Limit | undefined {
  if (text.toLowerCase() === OFF) return undefined;
  const monitored = text.startsWith(MONITOR);
  const windows = splitList(monitored ? text.slice(MONITOR.length) : text).map((window) => {
    const [, digits = '', time = ''] = /^(\d{1,6})\/(.*)$/.exec(window) ?? [];
    const count = Number(digits);
    if (count < 1 || count > MAX_COUNT) {
      return refuse(`${quote(window)} is no limit. Set a count of 1 to ${MAX_COUNT} per time, ${LIMIT_EXAMPLE}.`);
    }
    const ms = readDuration(/^\d/.test(time) ? time : `1${time}`, 1_000, 31 * 24 * 60 * 60_000);
    return ms % 1_000 === 0 ? { count, ms } : refuse(`${quote(window)} is not in whole seconds.`);
  });
  return { mode: monitored ? 'monitor' : 'enforce', windows };
}

interface NamesOfValues<T> {
  /** What the names are, in words. */
  names: string;
  /** A name as it is to come out; undefined: it is none. */
  normal: (name: string) => string | undefined;
  read: (form: string) => T;
  example: string;
}

/** `[value][;name=value…]`: the first one is for every other name. */
function readByName<T>(text: string, { names, normal, read, example }: NamesOfValues<T>) {
  const named = new Map<string, T>();
  let otherwise: T | undefined;
  for (const [index, entry] of text.split(';').entries()) {
    const [, name, form = ''] = /^(?:\s*([^=]*?)\s*=)?(.*)$/s.exec(entry) ?? [];
    if (name === undefined && index === 0) otherwise = read(form.trim());
    else {
      const known = normal(name ?? '');
      if (known === undefined) {
        return refuse(`${quote(entry.trim())} does not start with ${names} and "=". Set such as ${example}.`);
      }
      named.set(known, read(form.trim()));
    }
  }
  return { otherwise, named };
}

function readPrice(text: string): number {
  const amount = readAmount(text);
  return amount ?? refuse(`${quote(text)} is no price. Set one such as 0.0079, with at most six decimals.`);
}

function readBudget(text: string): Budget | undefined {
  if (text.toLowerCase() === OFF) return undefined;
  const monitored = text.startsWith(MONITOR);
  const amount = readAmount(monitored ? text.slice(MONITOR.length) : text);
  if (!amount)
    return refuse(`${quote(text)} is no budget. Set an amount such as 25, monitor:25 to watch only, or off.`);
  return { mode: monitored ? 'monitor' : 'enforce', amount };
}

/** An amount of money, in millionths. */
function readAmount(text: string): number | undefined {
  return /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Math.round(Number(text) * MILLION) : undefined;
}

function splitList(text: string): string[] {
  return text.split(',').map((item) => item.trim());
}

/** A value as a message may show it: what is not a secret, and no more of it than helps. */
function quote(text: string): string {
  return JSON.stringify(text.length > 32 ? `${text.slice(0, 31)}…` : text);
}

function of(unit: string): string {
  return unit && ` (${unit})`;
}
