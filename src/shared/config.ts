import { z } from 'zod';
import type { AdminUser, OidcSettings } from './admin-user.ts';
import { DEFAULT_CALLBACK_SCHEDULE } from './callback-schedule.ts';
import { createNetworkPolicy, judgeTargetUrl } from './callback-target.ts';
import type { Channel } from './channel.ts';
import {
  adminPassword,
  adminUsers,
  apiKeys,
  budget,
  budgetsByName,
  callbackSecrets,
  collectorUrl,
  countries,
  countriesMode,
  credential,
  duration,
  durations,
  encryptionKeys,
  flag,
  guardShares,
  integer,
  issuer,
  limit,
  limitCountry,
  limitName,
  limitsByName,
  listenAddress,
  networks,
  numberList,
  numberTypes,
  oidcMembers,
  oneOf,
  partitionList,
  partitions,
  prices,
  publicOrigin,
  ratePerSecond,
  redisUrl,
  secondsOrDuration,
  secretKey,
  senderNumber,
  signalwireSpace,
  testNumbers,
  trustedOrigin,
  userName,
  verbatim,
  workflow,
} from './config-readers.ts';
import type { CountryPolicy } from './country-rule.ts';
import { formatDuration } from './duration.ts';
import type { LimitsConfig } from './limit.ts';
import type { EncryptionKey } from './number-cipher.ts';
import type { NumberList } from './number-list.ts';
import type { NumberTypePolicy } from './number-type-rule.ts';
import { partitionNames } from './partitions.ts';
import type { GuardConfig } from './pumping-guard.ts';
import { readSecretFiles } from './secret-files.ts';
import type { SpendingConfig } from './spending.ts';
import type { TestNumber } from './test-numbers.ts';

/** The settings of one process, parsed once at its start. Durations are in milliseconds unless they say otherwise. */
export interface Config {
  /** `baseUrl` is an origin without a trailing slash; `from` is the default sender. */
  signalwire: {
    baseUrl: string;
    projectKey: string;
    token: string;
    from: string | undefined;
    sendTraceparent: boolean;
  };
  redisUrl: string;
  /** Replicas that a write has to reach before it is relied on; 0: the primary alone. */
  redisWaitReplicas: number;
  host: string;
  port: number;
  /** Unset: this process serves no metrics. */
  metricsPort: number | undefined;
  /** A name has several secrets while they are rotated. Empty only for the worker, which answers no client. */
  apiKeys: readonly { name: string; secret: string }[];
  /** Who signs in to `/admin`; undefined: there is no `/admin`. */
  admin: { users: readonly AdminUser[]; oidc: OidcSettings | undefined } | undefined;
  /** Networks of reverse proxies whose `X-Forwarded-For` says where a request comes from, as CIDRs. */
  trustedProxies: readonly string[];
  demo: boolean;
  /** Where the SignalWire sandbox that `npm start` runs can be looked at. */
  sandboxUrl: string | undefined;
  callbacks: {
    url: string | undefined;
    secrets: readonly string[];
    allowNetworks: readonly string[];
    /** The wait before each retry; the first delivery leaves at once. */
    retryScheduleMs: readonly number[];
    concurrency: number;
  };
  /** Key of the number hash; undefined: the one kept in Redis. */
  numberKey: string | undefined;
  /** Seal the numbers that are stored: the first one seals, all of them open. Empty: numbers are stored as they are. */
  encryptionKeys: readonly EncryptionKey[];
  /** Nothing is sent to these, and their codes are fixed. */
  testNumbers: readonly TestNumber[];
  retentionMs: number;
  numberRetentionMs: number;
  countries: CountryPolicy;
  /** Kinds of numbers that nothing is sent to. */
  refusedTypes: NumberTypePolicy;
  blockList: NumberList;
  guard: GuardConfig;
  /** Neither limits nor the pumping guard concern these. */
  safeList: NumberList;
  limits: LimitsConfig;
  spending: SpendingConfig;
  /** The workflow of a verification that names none; `timeout` in seconds, as in the API. */
  defaultWorkflow: readonly { channel: Channel; timeout?: number }[];
  sending: {
    timeoutMs: number;
    tries: number;
    backoffMs: number;
    backoffMaxMs: number;
    maxSends: number;
    resendCooldownMs: number;
    /** Tries in 30 s before the circuit of a channel may open; 0: it never does. */
    breakerMinTries: number;
  };
  /** A rate of 0 is unlimited; the rate is for all workers together, the concurrency for one. */
  channels: Record<Channel, { ratePerSecond: number; concurrency: number }>;
  lockDurationMs: number;
  logLevel: string;
  /** Where spans go; `url` undefined: the collector on this machine. undefined as a whole: nothing is traced. */
  tracing: { url: string | undefined } | undefined;
  partitions: number;
  /** So many of them take new verifications. */
  partitionsFilled: number;
  /** Those that this worker serves; undefined: all. */
  workerPartitions: readonly string[] | undefined;
}

/** A variable that stops the start; `problem` says what is wrong with it and the remedy, without its secret. */
export interface BadVariable {
  variable: string;
  problem: string;
}

/** The environment does not make a configuration. The message names every bad variable, one line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly badVariables: readonly BadVariable[];

  constructor(badVariables: readonly BadVariable[]) {
    const count = badVariables.length === 1 ? '1 bad variable' : `${badVariables.length} bad variables`;
    const lines = badVariables.map(({ variable: name, problem }) => `  ${name}: ${problem}`);
    super([`The configuration has ${count}:`, ...lines].join('\n'));
    this.badVariables = badVariables;
  }
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Every variable, by its name. A `prefault` is the text that stands for an unset one; it is parsed like any other. */
const Environment = z.object({
  SIGNALWIRE_SPACE: signalwireSpace.optional(),
  SIGNALWIRE_PROJECT_KEY: credential(
    'project id',
    'is required. Set the project id that the SignalWire dashboard shows with the API credentials.',
  ),
  SIGNALWIRE_TOKEN: credential(
    'API token',
    'is required. Set an API token of the SignalWire space, with the Management scope.',
  ),
  SIGNALWIRE_FROM: senderNumber.optional(),
  SIGNALWIRE_BASE_URL: trustedOrigin.optional(),
  SIGNALWIRE_TRACEPARENT: flag.prefault('false'),
  REDIS_URL: redisUrl,
  REDIS_WAIT_REPLICAS: integer({ min: 0, max: 5 }).prefault('0'),
  HOST: listenAddress.prefault('0.0.0.0'),
  PORT: integer({ min: 0, max: 65_535 }).prefault('3000'),
  METRICS_PORT: integer({ min: 0, max: 65_535 }).optional(),
  API_KEYS: apiKeys.optional(),
  ADMIN_USER: userName.optional(),
  ADMIN_PASSWORD: adminPassword.optional(),
  ADMIN_USERS: adminUsers.optional(),
  OIDC_ISSUER: issuer.optional(),
  OIDC_CLIENT_ID: verbatim.optional(),
  OIDC_CLIENT_SECRET: verbatim.optional(),
  OIDC_OPERATORS: oidcMembers.optional(),
  OIDC_VIEWERS: oidcMembers.optional(),
  OIDC_GROUPS_CLAIM: verbatim.prefault('groups'),
  PUBLIC_URL: publicOrigin.optional(),
  TRUSTED_PROXIES: networks.optional(),
  DEMO: flag.prefault('false'),
  RINGBACK_SANDBOX_URL: trustedOrigin.optional(),
  CALLBACK_URL: verbatim.optional(),
  CALLBACK_SECRET: callbackSecrets.optional(),
  CALLBACK_ALLOW_NETWORKS: networks.optional(),
  CALLBACK_RETRY_SCHEDULE: durations({ maxCount: 20, maxMs: 7 * DAY_MS }).prefault(
    DEFAULT_CALLBACK_SCHEDULE.map(formatDuration).join(','),
  ),
  NUMBER_KEY: secretKey.optional(),
  ENCRYPTION_KEYS: encryptionKeys.optional(),
  TEST_NUMBERS: testNumbers.optional(),
  RETENTION: duration({ minMs: 1_000, maxMs: 3_650 * DAY_MS }).prefault('30d'),
  NUMBER_RETENTION: duration({ minMs: 0, maxMs: 3_650 * DAY_MS }).prefault('24h'),
  COUNTRIES: countries.prefault('US,CA'),
  COUNTRIES_MODE: countriesMode.prefault('allow'),
  REFUSED_NUMBER_TYPES: numberTypes.prefault('premium-rate,shared-cost,toll-free,personal-number,pager,uan,voicemail'),
  BLOCK_LIST: numberList.optional(),
  SAFE_LIST: numberList.optional(),
  GUARD_MODE: oneOf(['monitor', 'enforce', 'off']).prefault('monitor'),
  GUARD_CONVERSION: guardShares.prefault('50,35,20'),
  LIMIT_NUMBER_COOLDOWN: limit.prefault('1/30s'),
  LIMIT_NUMBER: limit.prefault('5/10m,10/d'),
  LIMIT_NUMBER_TOTAL: limit.prefault('10/10m,15/d'),
  LIMIT_NUMBER_API_KEY: limit.prefault('5/10m,10/d'),
  LIMIT_CLIENT_IP: limit.prefault('10/h,30/d'),
  LIMIT_PREFIX: limit.prefault('monitor:20/h'),
  LIMIT_COUNTRY: limitsByName('a country code', limitCountry).prefault('10000/d'),
  LIMIT_API_KEY: limitsByName('the name of an API key', limitName).prefault('off'),
  LIMIT_KEYS: limitsByName('the name of a key', limitName).prefault('off'),
  LIMIT_FAILED_CHECKS: limit.prefault('20/d'),
  LIMIT_FAILED_CHECKS_TOTAL: limit.prefault('100/d'),
  LIMIT_CHECKS: limit.prefault('100/s'),
  PRICE_SMS: prices.optional(),
  PRICE_CALL: prices.optional(),
  DAILY_BUDGET: budget.prefault('off'),
  DAILY_BUDGET_API_KEY: budgetsByName.prefault('off'),
  WORKFLOW: workflow.prefault('sms:45s,call'),
  SEND_TIMEOUT_MS: integer({ min: 1, max: 600_000, unit: 'milliseconds' }).prefault('10000'),
  SEND_TRIES: integer({ min: 1, max: 100 }).prefault('5'),
  SEND_BACKOFF_MS: integer({ min: 0, max: 600_000, unit: 'milliseconds' }).prefault('500'),
  SEND_BACKOFF_MAX_MS: integer({ min: 0, max: 600_000, unit: 'milliseconds' }).prefault('15000'),
  MAX_SENDS: integer({ min: 1, max: 20 }).prefault('4'),
  RESEND_COOLDOWN: secondsOrDuration({ maxMs: DAY_MS }).prefault('30'),
  BREAKER_MIN_TRIES: integer({ min: 0, max: 100_000 }).prefault('20'),
  SMS_RATE_PER_SECOND: ratePerSecond.prefault('4'),
  CALL_RATE_PER_SECOND: ratePerSecond.prefault('1'),
  SMS_CONCURRENCY: integer({ min: 1, max: 10_000 }).prefault('50'),
  CALL_CONCURRENCY: integer({ min: 1, max: 10_000 }).prefault('20'),
  CALLBACK_CONCURRENCY: integer({ min: 1, max: 10_000 }).prefault('50'),
  LOCK_DURATION_MS: integer({ min: 2, max: 600_000, unit: 'milliseconds' }).prefault('30000'),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).prefault('info'),
  OTEL_SDK_DISABLED: flag.prefault('false'),
  OTEL_TRACES_EXPORTER: oneOf(['otlp', 'none']).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl.optional(),
  PARTITIONS: partitions.prefault('1'),
  PARTITIONS_FILLED: partitions.optional(),
  WORKER_PARTITIONS: partitionList.optional(),
});
/** What the environment says, each variable by its name. */
export type Settings = z.infer<typeof Environment>;
type VariableName = keyof Settings;

/** Taken byte for byte: a password may start or end with a space. */
const UNTRIMMED: ReadonlySet<string> = new Set<VariableName>(['ADMIN_PASSWORD']);
/** Each may also stand in a file, whose path is in the variable of the same name with `_FILE` behind it. */
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
] as const satisfies readonly VariableName[];
/** Set by Ringback for its own child processes, so the operator's example leaves them out. */
const INTERNAL: ReadonlySet<string> = new Set<VariableName>(['RINGBACK_SANDBOX_URL']);

/** What documentation says about one variable: `default` is the text that stands for it when it is unset. */
export interface VariableFacts {
  name: string;
  default: string | undefined;
  /** Ringback sets it for its own child processes; operators do not. */
  internal: boolean;
}

/** Every variable that {@link loadConfig} reads. */
export const VARIABLES: readonly VariableFacts[] = Object.entries(Environment.shape).map(([name, schema]) => ({
  name,
  default: schema instanceof z.ZodPrefault ? String(schema.def.defaultValue) : undefined,
  internal: INTERNAL.has(name),
}));

/**
 * Reads a process's settings from its environment, secrets also from the files it names. An empty variable counts as unset.
 *
 * @param process - which process starts: only the API needs `API_KEYS`.
 * @throws {ConfigError} naming all bad variables; it never holds the value of a secret.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, process: 'api' | 'worker'): Config {
  const { settings, bad } = readSettings(env, process);
  if (bad.length > 0) throw new ConfigError(bad);
  return toConfig(settings as Settings);
}

/** The settings that are good, and those that are not; for what goes on with the good ones. */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  process: 'api' | 'worker',
): { settings: Partial<Settings>; bad: readonly BadVariable[] } {
  const files = readSecretFiles(env, SECRETS);
  const given: Record<string, string> = {};
  for (const { name } of VARIABLES) {
    const text = files.texts[name] ?? env[name] ?? '';
    if (text.trim() !== '') given[name] = UNTRIMMED.has(name) ? text : text.trim();
  }

  // each variable on its own, so that the rules between variables are checked even when others are bad
  const values: Record<string, unknown> = {};
  const bad: BadVariable[] = [...files.bad];
  const unread = new Set(files.bad.map(({ variable }) => variable));
  for (const [name, schema] of Object.entries(Environment.shape)) {
    if (unread.has(`${name}_FILE`)) continue;
    const parsed = schema.safeParse(given[name]);
    if (parsed.success) values[name] = parsed.data;
    else bad.push({ variable: name, problem: parsed.error.issues.map((issue) => issue.message).join(' ') });
  }
  const isGiven = (name: VariableName) => given[name] !== undefined || unread.has(`${name}_FILE`);
  const settings = values as Partial<Settings>;
  bad.push(...checkTogether(settings, isGiven, process));
  return { settings, bad };
}

/** The rules between variables. A value is missing when its variable is unset without a default, or bad by itself. */
function checkTogether(
  v: Partial<Settings>,
  isGiven: (name: VariableName) => boolean,
  process: 'api' | 'worker',
): BadVariable[] {
  const bad: BadVariable[] = [];
  const add = (name: VariableName, problem: string) => bad.push({ variable: name, problem });

  if (!isGiven('SIGNALWIRE_SPACE') && !isGiven('SIGNALWIRE_BASE_URL')) {
    add('SIGNALWIRE_SPACE', 'is required unless SIGNALWIRE_BASE_URL is set. Set the name of the space, such as acme.');
  }
  if (process === 'api' && !isGiven('API_KEYS')) {
    add('API_KEYS', 'is required. Set name:secret, the secret with at least 24 random characters.');
  }
  if (process === 'api' && v.METRICS_PORT !== undefined && v.METRICS_PORT !== 0 && v.METRICS_PORT === v.PORT) {
    add('METRICS_PORT', `is the same as PORT (${v.PORT}). Set another one: metrics are not public.`);
  }
  if (isGiven('ADMIN_USER') && !isGiven('ADMIN_PASSWORD')) {
    add('ADMIN_PASSWORD', 'is required with ADMIN_USER. Set both, or none to have no /admin.');
  }
  if (isGiven('ADMIN_PASSWORD') && !isGiven('ADMIN_USER')) {
    add('ADMIN_USER', 'is required with ADMIN_PASSWORD. Set both, or none to have no /admin.');
  }
  if (v.ADMIN_USERS?.some(({ name }) => name === v.ADMIN_USER)) {
    add('ADMIN_USERS', 'has the name of ADMIN_USER. Give each person one name.');
  }
  const forOidc: VariableName[] = ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'PUBLIC_URL'];
  for (const name of forOidc) {
    if (isGiven('OIDC_ISSUER') && !isGiven(name)) add(name, 'is required with OIDC_ISSUER.');
  }
  if (isGiven('OIDC_ISSUER') && !isGiven('OIDC_OPERATORS') && !isGiven('OIDC_VIEWERS')) {
    add('OIDC_OPERATORS', 'or OIDC_VIEWERS is required with OIDC_ISSUER: nobody could sign in. Set who may.');
  }
  if (!isGiven('OIDC_ISSUER') && (isGiven('OIDC_OPERATORS') || isGiven('OIDC_VIEWERS') || isGiven('OIDC_CLIENT_ID'))) {
    add('OIDC_ISSUER', 'is required with the other OIDC variables. Set the address of the provider, or none of them.');
  }
  if (isGiven('CALLBACK_URL') && !isGiven('CALLBACK_SECRET')) {
    add('CALLBACK_SECRET', 'is required with CALLBACK_URL. Set whsec_ and the base64 of 32 random bytes.');
  }
  const networksAreKnown = v.CALLBACK_ALLOW_NETWORKS !== undefined || !isGiven('CALLBACK_ALLOW_NETWORKS');
  if (v.CALLBACK_URL !== undefined && networksAreKnown) {
    const judged = judgeTargetUrl(v.CALLBACK_URL, createNetworkPolicy(v.CALLBACK_ALLOW_NETWORKS ?? []));
    if (!judged.ok) add('CALLBACK_URL', `is no target for callbacks. ${judged.detail}`);
  }
  if (v.SEND_TIMEOUT_MS !== undefined && v.LOCK_DURATION_MS !== undefined && v.SEND_TIMEOUT_MS >= v.LOCK_DURATION_MS) {
    add(
      'SEND_TIMEOUT_MS',
      `${v.SEND_TIMEOUT_MS} is not less than LOCK_DURATION_MS (${v.LOCK_DURATION_MS}). Lower SEND_TIMEOUT_MS or raise LOCK_DURATION_MS.`,
    );
  }
  if (
    v.SEND_BACKOFF_MS !== undefined &&
    v.SEND_BACKOFF_MAX_MS !== undefined &&
    v.SEND_BACKOFF_MAX_MS < v.SEND_BACKOFF_MS
  ) {
    add(
      'SEND_BACKOFF_MAX_MS',
      `${v.SEND_BACKOFF_MAX_MS} is less than SEND_BACKOFF_MS (${v.SEND_BACKOFF_MS}). Raise SEND_BACKOFF_MAX_MS or lower SEND_BACKOFF_MS.`,
    );
  }
  if (v.PARTITIONS_FILLED !== undefined && v.PARTITIONS !== undefined && v.PARTITIONS_FILLED > v.PARTITIONS) {
    add(
      'PARTITIONS_FILLED',
      `${v.PARTITIONS_FILLED} is more than PARTITIONS (${v.PARTITIONS}). Set the count there was before, or leave it out.`,
    );
  }
  const unknown = v.WORKER_PARTITIONS?.find((name) => !partitionNames(v.PARTITIONS ?? 1).includes(name));
  if (unknown !== undefined && v.PARTITIONS !== undefined) {
    add(
      'WORKER_PARTITIONS',
      `there is no partition ${unknown}. Set some of ${partitionNames(v.PARTITIONS).join(',')}.`,
    );
  }
  const workflow = isGiven('WORKFLOW') ? v.WORKFLOW : undefined; // the default gives way
  if (v.MAX_SENDS !== undefined && workflow !== undefined && workflow.length > v.MAX_SENDS) {
    add(
      'MAX_SENDS',
      `${v.MAX_SENDS} is less than the ${workflow.length} steps of WORKFLOW. Raise MAX_SENDS or shorten WORKFLOW.`,
    );
  }
  const ofKeys = v.DAILY_BUDGET_API_KEY;
  const budgets = [v.DAILY_BUDGET, ofKeys?.otherwise, ...(ofKeys?.named.values() ?? [])];
  const needed = budgets.some((one) => one !== undefined) || v.PRICE_SMS !== undefined || v.PRICE_CALL !== undefined;
  for (const name of ['PRICE_SMS', 'PRICE_CALL'] as const) {
    if (!needed || isGiven(name)) continue;
    add(name, 'is required with a budget or the other price: without it nobody knows what is spent.');
  }
  return bad;
}

function toConfig(v: Settings): Config {
  const users = adminUsersOf(v);
  const oidc = oidcOf(v);
  return {
    signalwire: {
      baseUrl: v.SIGNALWIRE_BASE_URL ?? v.SIGNALWIRE_SPACE ?? '', // checked above: one of them is set
      projectKey: v.SIGNALWIRE_PROJECT_KEY,
      token: v.SIGNALWIRE_TOKEN,
      from: v.SIGNALWIRE_FROM,
      sendTraceparent: v.SIGNALWIRE_TRACEPARENT,
    },
    redisUrl: v.REDIS_URL,
    redisWaitReplicas: v.REDIS_WAIT_REPLICAS,
    host: v.HOST,
    port: v.PORT,
    metricsPort: v.METRICS_PORT,
    apiKeys: v.API_KEYS ?? [],
    admin: users.length > 0 || oidc ? { users, oidc } : undefined,
    trustedProxies: v.TRUSTED_PROXIES ?? [],
    demo: v.DEMO,
    sandboxUrl: v.RINGBACK_SANDBOX_URL,
    callbacks: {
      url: v.CALLBACK_URL,
      secrets: v.CALLBACK_SECRET ?? [],
      allowNetworks: v.CALLBACK_ALLOW_NETWORKS ?? [],
      retryScheduleMs: v.CALLBACK_RETRY_SCHEDULE,
      concurrency: v.CALLBACK_CONCURRENCY,
    },
    numberKey: v.NUMBER_KEY,
    encryptionKeys: v.ENCRYPTION_KEYS ?? [],
    testNumbers: v.TEST_NUMBERS ?? [],
    retentionMs: v.RETENTION,
    numberRetentionMs: v.NUMBER_RETENTION,
    countries: { ...v.COUNTRIES_MODE, countries: v.COUNTRIES },
    refusedTypes: v.REFUSED_NUMBER_TYPES,
    guard: { mode: v.GUARD_MODE, below: v.GUARD_CONVERSION },
    blockList: v.BLOCK_LIST ?? [],
    safeList: v.SAFE_LIST ?? [],
    limits: {
      numberCooldown: v.LIMIT_NUMBER_COOLDOWN,
      number: v.LIMIT_NUMBER,
      numberTotal: v.LIMIT_NUMBER_TOTAL,
      numberApiKey: v.LIMIT_NUMBER_API_KEY,
      clientIp: v.LIMIT_CLIENT_IP,
      prefix: v.LIMIT_PREFIX,
      country: v.LIMIT_COUNTRY,
      apiKey: v.LIMIT_API_KEY,
      keys: v.LIMIT_KEYS,
      failedChecks: v.LIMIT_FAILED_CHECKS,
      failedChecksTotal: v.LIMIT_FAILED_CHECKS_TOTAL,
      checks: v.LIMIT_CHECKS,
    },
    spending: {
      prices: v.PRICE_SMS && v.PRICE_CALL && { sms: v.PRICE_SMS, call: v.PRICE_CALL },
      dailyBudget: v.DAILY_BUDGET,
      apiKeyBudget: v.DAILY_BUDGET_API_KEY,
    },
    defaultWorkflow: v.WORKFLOW.slice(0, v.MAX_SENDS),
    sending: {
      timeoutMs: v.SEND_TIMEOUT_MS,
      tries: v.SEND_TRIES,
      backoffMs: v.SEND_BACKOFF_MS,
      backoffMaxMs: v.SEND_BACKOFF_MAX_MS,
      maxSends: v.MAX_SENDS,
      resendCooldownMs: v.RESEND_COOLDOWN,
      breakerMinTries: v.BREAKER_MIN_TRIES,
    },
    channels: {
      sms: { ratePerSecond: v.SMS_RATE_PER_SECOND, concurrency: v.SMS_CONCURRENCY },
      call: { ratePerSecond: v.CALL_RATE_PER_SECOND, concurrency: v.CALL_CONCURRENCY },
    },
    lockDurationMs: v.LOCK_DURATION_MS,
    logLevel: v.LOG_LEVEL,
    tracing: tracingOf(v),
    partitions: v.PARTITIONS,
    partitionsFilled: v.PARTITIONS_FILLED ?? v.PARTITIONS,
    workerPartitions: v.WORKER_PARTITIONS,
  };
}

/** As OpenTelemetry has it: an endpoint or the exporter's name switches it on. */
function tracingOf(v: Settings): Config['tracing'] {
  const { OTEL_TRACES_EXPORTER: exporter, OTEL_EXPORTER_OTLP_ENDPOINT: base } = v;
  const url = v.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base.replace(/\/+$/, '')}/v1/traces`);
  const isWanted = exporter === 'otlp' || (exporter === undefined && url !== undefined);
  return isWanted && !v.OTEL_SDK_DISABLED ? { url } : undefined;
}

function adminUsersOf({ ADMIN_USER: name, ADMIN_PASSWORD: password, ADMIN_USERS: more = [] }: Settings): AdminUser[] {
  if (name === undefined || password === undefined) return [...more];
  return [{ name, role: 'operator', password }, ...more];
}

function oidcOf(v: Settings): OidcSettings | undefined {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret, PUBLIC_URL: publicUrl } = v;
  if (issuer === undefined || clientId === undefined || clientSecret === undefined || publicUrl === undefined) return;
  const members = { operator: v.OIDC_OPERATORS ?? [], viewer: v.OIDC_VIEWERS ?? [] };
  return { issuer, clientId, clientSecret, publicUrl, members, groupsClaim: v.OIDC_GROUPS_CLAIM };
}
