import { userInfo } from 'node:os';
import { type ApiKey, endOf, KEY_NAME, SCOPES, Scope } from '../shared/api-key.ts';
import { type ApiKeyStore, createApiKeyStore } from '../shared/api-key-store.ts';
import { createAuditLog } from '../shared/audit-log.ts';
import type { Clock } from '../shared/clock.ts';
import { Duration } from '../shared/duration.ts';
import { createRunScript } from '../shared/redis-scripts.ts';
import { type Command, type Context, defineCommand, takeArguments, UsageError } from './command.ts';
import type { Env } from './env.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { type Output, toTable, visible } from './output.ts';
import { withServiceRedis } from './with-service-redis.ts';

interface Values {
  scopes?: string;
  in?: string;
}

/** `ringback keys`: makes, lists and ends the API keys that are kept in Redis. */
export const keys: Command = defineCommand({
  name: 'keys',
  args: 'create NAME | list [NAME] | expire ID | revoke ID',
  summary: 'makes, lists and ends API keys',
  details: `Run it where the service runs: it needs REDIS_URL. The API knows a new key, and the end of an old one, at once.
A name owns what is made with its keys, and may have several: make the second one, change your application over,
then revoke the first, or let it expire with \`ringback keys expire ID --in 24h\`.
Scopes: ${SCOPES.join(', ')}.`,
  options: {
    scopes: {
      type: 'string',
      value: 'LIST',
      help: 'create: what it may do, separated by commas (default: everything)',
    },
    in: {
      type: 'string',
      value: 'TIME',
      help: 'create, expire: when it ends, such as 90d (create: never; expire: now)',
    },
  },
  run({ values, positionals: [action, ...rest] }, context) {
    const act =
      action !== undefined && Object.hasOwn(ACTIONS, action) ? ACTIONS[action as keyof typeof ACTIONS] : undefined;
    if (act === undefined) throw new UsageError(`Say what to do: ${Object.keys(ACTIONS).join(', ')}.`);
    return act(rest, values, context);
  },
});

const ACTIONS = { create, list, expire, revoke };

async function create(args: readonly string[], values: Values, { env, output }: Context): Promise<ExitCode> {
  const [name] = takeArguments(args, 'NAME');
  if (!KEY_NAME.test(name)) throw new UsageError('NAME has 1 to 64 letters, digits, dots, hyphens or underscores.');
  const scopes = readScopes(values.scopes);
  const lifeMs = readDuration(values.in);
  return withApiKeys(env, async ({ store, clock, settle }) => {
    const { key, text } = await store.create(name, scopes, lifeMs === undefined ? null : clock.now() + lifeMs);
    await settle('api-key.created', key);
    if (output.json) output.printDocument({ ...view(key, clock), key: text });
    else {
      output.print(text);
      output.note(`This is the key, told this once. Its id is ${key.id}; it ${describeEnd(key, clock)}.`);
    }
    return EXIT.ok.code;
  });
}

async function list(args: readonly string[], _values: Values, { env, output }: Context): Promise<ExitCode> {
  const [name] = args.length === 0 ? [undefined] : takeArguments(args, 'NAME');
  return withApiKeys(env, async ({ store, clock }) => {
    const found = await store.list(name);
    if (output.json) output.printDocument({ data: found.map((key) => view(key, clock)) });
    else for (const line of toTable([TITLES, ...found.map((key) => toRow(key, clock))])) output.print(line);
    return EXIT.ok.code;
  });
}

function expire(args: readonly string[], values: Values, context: Context): Promise<ExitCode> {
  const [id] = takeArguments(args, 'ID');
  const inMs = readDuration(values.in) ?? 0;
  return change(context, 'api-key.expires', (store, clock) => store.expire(id, clock.now() + inMs));
}

function revoke(args: readonly string[], _values: Values, context: Context): Promise<ExitCode> {
  const [id] = takeArguments(args, 'ID');
  return change(context, 'api-key.revoked', (store) => store.revoke(id));
}

function change(
  { env, output }: Context,
  action: string,
  act: (store: ApiKeyStore, clock: Clock) => Promise<ApiKey | undefined>,
): Promise<ExitCode> {
  return withApiKeys(env, async ({ store, clock, settle }) => {
    const key = await act(store, clock);
    if (key === undefined) throw new UsageError('There is no key with this id; `ringback keys list` tells them all.');
    await settle(action, key);
    if (output.json) output.printDocument(view(key, clock));
    else tell(output, key, clock);
    return EXIT.ok.code;
  });
}

interface Parts {
  store: ApiKeyStore;
  clock: Clock;
  /** Writes down what was done to a key, and sees to it that it lasts. */
  settle(action: string, key: ApiKey): Promise<void>;
}

function withApiKeys<T>(env: Env, work: (parts: Parts) => Promise<T>): Promise<T> {
  return withServiceRedis(env, ({ redis, keys, clock, confirmReplicated }) => {
    const auditLog = createAuditLog({ redis, stream: keys.audit, clock });
    return work({
      store: createApiKeyStore({ redis, runScript: createRunScript(redis), keys, clock }),
      clock,
      async settle(action, { id, name, scopes, expiresAt }) {
        const data = { scopes, expires_at: isoOf(expiresAt) };
        await auditLog.record({ actor: `cli:${userInfo().username}`, action, owner: name, subject: id, data });
        await confirmReplicated();
      },
    });
  });
}

function tell(output: Output, key: ApiKey, clock: Clock): void {
  output.print(`${key.id} of ${visible(key.name)} ${describeEnd(key, clock)}.`);
}

const TITLES = ['ID', 'NAME', 'STATUS', 'LAST USED', 'SCOPES'];

function toRow(key: ApiKey, clock: Clock): string[] {
  const all = key.scopes.length === SCOPES.length;
  return [key.id, key.name, describeEnd(key, clock), key.lastUsedDay ?? 'never', all ? 'all' : key.scopes.join(' ')];
}

function describeEnd(key: ApiKey, clock: Clock): string {
  const end = endOf(key, clock.now());
  if (end === 'revoked') return `was revoked on ${isoOf(key.revokedAt)}`;
  if (end === 'expired') return `expired on ${isoOf(key.expiresAt)}`;
  return key.expiresAt === null ? 'does not expire' : `expires on ${isoOf(key.expiresAt)}`;
}

/** A key as JSON, in the words of the API. */
function view(key: ApiKey, clock: Clock) {
  return {
    id: key.id,
    name: key.name,
    status: endOf(key, clock.now()) ?? 'live',
    scopes: key.scopes,
    created_at: isoOf(key.createdAt),
    expires_at: isoOf(key.expiresAt),
    revoked_at: isoOf(key.revokedAt),
    last_used_day: key.lastUsedDay,
  };
}

const isoOf = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

function readScopes(text: string | undefined): readonly Scope[] {
  if (text === undefined) return SCOPES;
  return text.split(',').map((word) => {
    const scope = Scope.safeParse(word.trim());
    if (!scope.success) throw new UsageError(`Scopes are ${SCOPES.join(', ')}.`);
    return scope.data;
  });
}

function readDuration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const duration = Duration.safeParse(text);
  if (!duration.success) throw new UsageError('A time is an integer and its unit (s, m, h or d), such as 90d.');
  return duration.data;
}
