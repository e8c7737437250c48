import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, VARIABLES } from '../../src/shared/config.ts';
import { hashPassword } from '../../src/shared/password.ts';

const CALLBACK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const REQUIRED = {
  SIGNALWIRE_SPACE: 'acme',
  SIGNALWIRE_PROJECT_KEY: '6a4c2b1e-0000-4000-8000-000000000000',
  SIGNALWIRE_TOKEN: 'PTtoken',
  REDIS_URL: 'redis://localhost:6379',
  API_KEYS: 'web:0123456789abcdef01234567',
};

type Env = Record<string, string | undefined>;

function load(env: Env = {}, process: 'api' | 'worker' = 'api') {
  return loadConfig({ ...REQUIRED, ...env }, process);
}

function failureOf(env: Env, process: 'api' | 'worker' = 'api'): ConfigError {
  try {
    load(env, process);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

function badNames(env: Env, process: 'api' | 'worker' = 'api'): string[] {
  return failureOf(env, process).badVariables.map((bad) => bad.variable);
}

/** Counts, each within so many seconds. */
function enforced(...windows: [count: number, seconds: number][]) {
  return { mode: 'enforce', windows: windows.map(([count, seconds]) => ({ count, ms: seconds * 1_000 })) };
}

describe('the configuration', () => {
  it('has defaults for all that is not required', () => {
    expect(load()).toEqual({
      signalwire: {
        baseUrl: 'https://acme.signalwire.com',
        projectKey: '6a4c2b1e-0000-4000-8000-000000000000',
        token: 'PTtoken',
        from: undefined,
        sendTraceparent: false,
      },
      redisUrl: 'redis://localhost:6379',
      redisWaitReplicas: 0,
      host: '0.0.0.0',
      port: 3000,
      metricsPort: undefined,
      apiKeys: [{ name: 'web', secret: '0123456789abcdef01234567' }],
      admin: undefined,
      trustedProxies: [],
      demo: false,
      sandboxUrl: undefined,
      callbacks: {
        url: undefined,
        secrets: [],
        allowNetworks: [],
        retryScheduleMs: [5_000, 30_000, 120_000, 600_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000],
        concurrency: 50,
      },
      numberKey: undefined,
      encryptionKeys: [],
      testNumbers: [],
      retentionMs: 30 * 24 * 3_600_000,
      numberRetentionMs: 24 * 3_600_000,
      countries: { list: 'allow', countries: ['US', 'CA'], mode: 'enforce' },
      refusedTypes: {
        types: ['PREMIUM_RATE', 'SHARED_COST', 'TOLL_FREE', 'PERSONAL_NUMBER', 'PAGER', 'UAN', 'VOICEMAIL'],
        mode: 'enforce',
      },
      guard: { mode: 'monitor', below: { alert: 50, throttle: 35, block: 20 } },
      blockList: [],
      safeList: [],
      limits: {
        numberCooldown: enforced([1, 30]),
        number: enforced([5, 600], [10, 86_400]),
        numberTotal: enforced([10, 600], [15, 86_400]),
        numberApiKey: enforced([5, 600], [10, 86_400]),
        clientIp: enforced([10, 3_600], [30, 86_400]),
        prefix: { ...enforced([20, 3_600]), mode: 'monitor' },
        country: { otherwise: enforced([10_000, 86_400]), named: new Map() },
        apiKey: { otherwise: undefined, named: new Map() },
        keys: { otherwise: undefined, named: new Map() },
        failedChecks: enforced([20, 86_400]),
        failedChecksTotal: enforced([100, 86_400]),
        checks: enforced([100, 1]),
      },
      spending: {
        prices: undefined,
        dailyBudget: undefined,
        apiKeyBudget: { otherwise: undefined, named: new Map() },
      },
      defaultWorkflow: [{ channel: 'sms', timeout: 45 }, { channel: 'call' }],
      sending: {
        timeoutMs: 10_000,
        tries: 5,
        backoffMs: 500,
        backoffMaxMs: 15_000,
        maxSends: 4,
        resendCooldownMs: 30_000,
        breakerMinTries: 20,
      },
      channels: { sms: { ratePerSecond: 4, concurrency: 50 }, call: { ratePerSecond: 1, concurrency: 20 } },
      lockDurationMs: 30_000,
      logLevel: 'info',
      tracing: undefined,
      partitions: 1,
      partitionsFilled: 1,
    });
  });

  it('reads every variable', () => {
    const config = load({
      SIGNALWIRE_FROM: '+12029167968',
      SIGNALWIRE_BASE_URL: 'http://127.0.0.1:4010/',
      HOST: '::1',
      PORT: '0',
      METRICS_PORT: '9464',
      ADMIN_USER: 'ops',
      ADMIN_PASSWORD: ' pass:word ',
      DEMO: 'true',
      RINGBACK_SANDBOX_URL: 'http://127.0.0.1:4010',
      CALLBACK_URL: 'https://client.example/hooks',
      CALLBACK_SECRET: `${CALLBACK_SECRET}, ${CALLBACK_SECRET}`,
      CALLBACK_ALLOW_NETWORKS: '10.0.0.0/8, fd00::/8',
      CALLBACK_RETRY_SCHEDULE: '100ms, 1s',
      NUMBER_KEY: 'k'.repeat(32),
      ENCRYPTION_KEYS: `2026:${Buffer.alloc(32, 2).toString('base64')},2025:${Buffer.alloc(32, 1).toString('base64url')}`,
      TEST_NUMBERS: '+14045550199=123456@2026-12-31, +14045550198=Ab12Cd@2028-02-29',
      RETENTION: '1h',
      NUMBER_RETENTION: '0s',
      COUNTRIES: 'de, AT,de',
      COUNTRIES_MODE: 'block',
      REFUSED_NUMBER_TYPES: 'monitor:voip, UAN',
      GUARD_MODE: 'Enforce',
      GUARD_CONVERSION: '60, 30,0',
      BLOCK_LIST: '+14045550123, +1404555*',
      SAFE_LIST: '+4912*',
      WORKFLOW: 'call:5s, sms:15m, sms',
      SEND_TIMEOUT_MS: '1000',
      SEND_TRIES: '2',
      SEND_BACKOFF_MS: '0',
      SEND_BACKOFF_MAX_MS: '0',
      MAX_SENDS: '3',
      RESEND_COOLDOWN: '0',
      BREAKER_MIN_TRIES: '0',
      SMS_RATE_PER_SECOND: '0.5',
      CALL_RATE_PER_SECOND: '0',
      SMS_CONCURRENCY: '1',
      CALL_CONCURRENCY: '2',
      CALLBACK_CONCURRENCY: '3',
      LOCK_DURATION_MS: '1001',
      LOG_LEVEL: 'Silent',
      PARTITIONS: '256',
    });

    expect(config).toMatchObject({
      signalwire: { baseUrl: 'http://127.0.0.1:4010', from: '+12029167968' },
      host: '::1',
      port: 0,
      metricsPort: 9464,
      admin: { users: [{ name: 'ops', role: 'operator', password: ' pass:word ' }], oidc: undefined },
      demo: true,
      sandboxUrl: 'http://127.0.0.1:4010',
      callbacks: {
        url: 'https://client.example/hooks',
        secrets: [CALLBACK_SECRET, CALLBACK_SECRET],
        allowNetworks: ['10.0.0.0/8', 'fd00::/8'],
        retryScheduleMs: [100, 1_000],
        concurrency: 3,
      },
      numberKey: 'k'.repeat(32),
      encryptionKeys: [
        { id: '2026', key: Buffer.alloc(32, 2) },
        { id: '2025', key: Buffer.alloc(32, 1) },
      ],
      testNumbers: [
        { number: '+14045550199', code: '123456', expiresAt: Date.UTC(2027, 0, 1) },
        { number: '+14045550198', code: 'Ab12Cd', expiresAt: Date.UTC(2028, 2, 1) },
      ],
      retentionMs: 3_600_000,
      numberRetentionMs: 0,
      countries: { list: 'block', countries: ['DE', 'AT'], mode: 'enforce' },
      refusedTypes: { types: ['VOIP', 'UAN'], mode: 'monitor' },
      guard: { mode: 'enforce', below: { alert: 60, throttle: 30, block: 0 } },
      blockList: ['+14045550123', '+1404555*'],
      safeList: ['+4912*'],
      defaultWorkflow: [{ channel: 'call', timeout: 5 }, { channel: 'sms', timeout: 900 }, { channel: 'sms' }],
      sending: {
        timeoutMs: 1_000,
        tries: 2,
        backoffMs: 0,
        backoffMaxMs: 0,
        maxSends: 3,
        resendCooldownMs: 0,
        breakerMinTries: 0,
      },
      channels: { sms: { ratePerSecond: 0.5, concurrency: 1 }, call: { ratePerSecond: 0, concurrency: 2 } },
      lockDurationMs: 1_001,
      logLevel: 'silent',
      partitions: 256,
    });
  });

  it('takes an empty value for an unset one', () => {
    const empty = Object.fromEntries(
      VARIABLES.filter(({ name }) => !(name in REQUIRED)).map(({ name }) => [name, name.length % 2 ? '' : ' \t']),
    );

    expect(load(empty)).toEqual(load());
    expect(badNames({ REDIS_URL: ' ', API_KEYS: '' })).toEqual(['REDIS_URL', 'API_KEYS']);
  });

  it('names all bad variables at once, one line each', () => {
    const { message } = failureOf({
      SIGNALWIRE_SPACE: undefined,
      REDIS_URL: undefined,
      PORT: 'http',
      COUNTRIES: 'US,UK',
      ADMIN_USER: 'ops',
      SEND_TIMEOUT_MS: '30000',
    });

    expect(message).toBe(
      [
        'The configuration has 6 bad variables:',
        '  REDIS_URL: is required. Set the address of a Redis server, such as redis://localhost:6379.',
        '  PORT: "http" is no integer from 0 to 65535. Set one.',
        '  COUNTRIES: "UK" is no country. Set ISO codes such as US or GB.',
        '  SIGNALWIRE_SPACE: is required unless SIGNALWIRE_BASE_URL is set. Set the name of the space, such as acme.',
        '  ADMIN_PASSWORD: is required with ADMIN_USER. Set both, or none to have no /admin.',
        '  SEND_TIMEOUT_MS: 30000 is not less than LOCK_DURATION_MS (30000). Lower SEND_TIMEOUT_MS or raise LOCK_DURATION_MS.',
      ].join('\n'),
    );
  });

  it('keeps to one line and a few characters of a bad value', () => {
    const { message } = failureOf({ LOG_LEVEL: `a\nb${'c'.repeat(100)}` });

    expect(message.split('\n')).toHaveLength(2);
    expect(message).toContain(`"a\\nb${'c'.repeat(28)}…" is none of its values`);
  });

  it('requires what each process cannot do without', () => {
    const failure = (process: 'api' | 'worker') => {
      try {
        return loadConfig({}, process);
      } catch (error) {
        return error instanceof ConfigError ? error.badVariables.map((bad) => bad.variable) : error;
      }
    };

    expect(failure('api')).toEqual([
      'SIGNALWIRE_PROJECT_KEY',
      'SIGNALWIRE_TOKEN',
      'REDIS_URL',
      'SIGNALWIRE_SPACE',
      'API_KEYS',
    ]);
    expect(failure('worker')).toEqual(['SIGNALWIRE_PROJECT_KEY', 'SIGNALWIRE_TOKEN', 'REDIS_URL', 'SIGNALWIRE_SPACE']);
    expect(load({ API_KEYS: undefined }, 'worker').apiKeys).toEqual([]);
  });

  it('never repeats a secret', () => {
    const secret = 'Zq7';
    const failures = [
      { SIGNALWIRE_TOKEN: `PT ${secret}`, API_KEYS: secret, ADMIN_PASSWORD: secret, CALLBACK_SECRET: secret },
      { API_KEYS: `${secret}:${secret}`, NUMBER_KEY: secret, ADMIN_PASSWORD: `${secret}\n` },
      { API_KEYS: `web:${secret.repeat(9)}é` },
      { API_KEYS: `web:${secret.repeat(9)},app:${secret.repeat(9)}` },
      { CALLBACK_SECRET: `${CALLBACK_SECRET},whsec_${secret}`, SIGNALWIRE_PROJECT_KEY: ` ${secret} ${secret}` },
      { CALLBACK_URL: `https://user:${secret}@client.example/` },
      { CALLBACK_URL: `http://10.0.0.1/${secret}`, CALLBACK_SECRET },
      { SIGNALWIRE_BASE_URL: `https://user:${secret}@proxy.example/` },
      { SIGNALWIRE_BASE_URL: secret, SIGNALWIRE_SPACE: `https://${secret}@acme.signalwire.com` },
      { SIGNALWIRE_FROM: '404 555 Zq7' },
      { ENCRYPTION_KEYS: `${secret}:${secret}` },
      { TEST_NUMBERS: `+14045550199=${secret}@2026-12-31` },
      { TEST_NUMBERS: `+14045550199=${secret.repeat(2)}@2026-02-30` },
      { ENCRYPTION_KEYS: `${secret.repeat(14)}a=` },
      ...[
        secret,
        `redis+sentinel://:${secret}@a:1,b:2/mymaster`,
        `redis://:${secret}@a:1,b:2`,
        `redis://:${secret}@a/b`,
        `redis://:${secret}@a?keyPrefix=b`,
        `redis://:${secret}#@a`,
        `redis://:${secret}%zz@a`,
        `http://:${secret}@a`,
      ].map((url) => ({ REDIS_URL: url })),
    ];

    for (const env of failures) {
      const error = failureOf(env);
      expect(`${inspect(error, { depth: 10 })} ${JSON.stringify(error)}`).not.toMatch(/Zq7/i);
    }
  });
});

describe('the SignalWire variables', () => {
  it.each([
    'acme',
    'Acme',
    'acme.signalwire.com',
    'https://acme.signalwire.com',
    'https://acme.signalwire.com/',
    ' acme ',
  ])('take %j for the space acme', (space) => {
    expect(load({ SIGNALWIRE_SPACE: space }).signalwire.baseUrl).toBe('https://acme.signalwire.com');
  });

  it.each([
    'http://acme.signalwire.com',
    'https://acme.example',
    'acme.example',
    'acme/',
    'https://acme',
    'https://acme.signalwire.com/api',
    'https://acme.signalwire.com:444',
    'https://acme.signalwire.com.evil.example',
    '.signalwire.com',
    '-acme',
    'ac me',
    'https://evil.example#.signalwire.com',
  ])('refuse %j as a space', (space) => {
    expect(badNames({ SIGNALWIRE_SPACE: space })).toEqual(['SIGNALWIRE_SPACE']);
  });

  it.each([
    ['https://proxy.example', 'https://proxy.example'],
    ['https://proxy.example:8443/', 'https://proxy.example:8443'],
    ['http://localhost:4010', 'http://localhost:4010'],
    ['http://127.1.2.3', 'http://127.1.2.3'],
    ['http://[::1]:4010', 'http://[::1]:4010'],
    ['http://10.1.2.3', 'http://10.1.2.3'],
    ['http://172.31.0.1', 'http://172.31.0.1'],
    ['http://192.168.0.1', 'http://192.168.0.1'],
    ['http://[fd00::1]', 'http://[fd00::1]'],
  ])('take %s as the base URL', (url, origin) => {
    expect(load({ SIGNALWIRE_BASE_URL: url }).signalwire.baseUrl).toBe(origin);
    expect(load({ SIGNALWIRE_BASE_URL: url, SIGNALWIRE_SPACE: undefined }).signalwire.baseUrl).toBe(origin);
  });

  it.each([
    'http://proxy.example',
    'http://localhost.evil.example',
    'http://172.15.0.1',
    'http://172.32.0.1',
    'http://8.8.8.8',
    'http://0.0.0.0',
    'http://[2001:db8::1]',
    'ftp://127.0.0.1',
    'https://proxy.example/api',
    'https://proxy.example/?a=b',
    'https://proxy.example/#a',
    'https://user:pass@proxy.example',
    'proxy.example',
  ])('refuse %s as the base URL', (url) => {
    expect(badNames({ SIGNALWIRE_BASE_URL: url })).toEqual(['SIGNALWIRE_BASE_URL']);
    expect(badNames({ RINGBACK_SANDBOX_URL: url })).toEqual(['RINGBACK_SANDBOX_URL']);
  });

  it.each(['4045550123', '+1 404 555 0123', '+1404555', 'acme'])('refuse %s as the sender, unrepeated', (from) => {
    const { message, badVariables } = failureOf({ SIGNALWIRE_FROM: from });

    expect(badVariables.map((bad) => bad.variable)).toEqual(['SIGNALWIRE_FROM']);
    expect(message.replace('such as +14045550123', '')).not.toMatch(/\d{4}/);
  });

  it.each(['SIGNALWIRE_TOKEN', 'SIGNALWIRE_PROJECT_KEY'])('refuse a %s that was copied badly', (name) => {
    expect(badNames({ [name]: 'two words' })).toEqual([name]);
    expect(badNames({ [name]: '“quoted”' })).toEqual([name]);
  });
});

describe('REDIS_URL', () => {
  it.each([
    'redis://localhost',
    'redis://localhost:6379/',
    'redis://localhost:6379/15',
    'redis://:p%40ss@redis.internal:6380',
    'redis://user:a,b@redis.internal/1',
    'rediss://user:pass@redis.example:6380/1?family=6',
    'redis://[::1]:6379',
    'redis-sentinel://a,b:26380,c/mymaster',
    'redis-cluster://:p%40ss@a:7000,b:7001/',
  ])('takes %s', (url) => {
    expect(load({ REDIS_URL: url }).redisUrl).toBe(url);
  });

  it.each([
    ['localhost:6379', 'is no Redis URL'],
    ['http://localhost:6379', 'is no Redis URL'],
    ['redis://', 'is no Redis URL'],
    ['redis://:6379', 'is no Redis URL'],
    ['redis://:pa#ss@localhost', 'is no Redis URL'],
    ['redis://:p%zz@localhost', 'is no Redis URL'],
    ['redis://localhost#db', 'is no Redis URL'],
    ['redis://localhost/db', 'has a path that is no database number'],
    ['redis://localhost?keyPrefix=a', 'has parameters'],
    ['redis://a:1,b:2', 'names several servers. Set redis-sentinel://'],
    ['redis://:pass@a,b', 'names several servers'],
    ['redis+sentinel://a:1/mymaster', 'is no Redis URL'],
    ['redis-sentinel://a:26379', 'does not name the primary that the Sentinels watch. Set redis-sentinel://'],
    ['redis-sentinel://a:26379/mymaster/db', 'does not name the primary'],
    ['redis-sentinel://a:26379/mymaster?db=1', 'names no list of servers'],
    ['redis-sentinel://a:99999/mymaster', 'names no list of servers'],
    ['redis-sentinel://a,,b/mymaster', 'names no list of servers'],
    ['redis-sentinel://pass@a/mymaster', 'has no readable login'],
    ['redis-cluster://', 'names no list of servers'],
    ['redis-cluster://:p%zz@a', 'has no readable login'],
    ['redis-cluster://a/1', 'has a path; a Cluster has no databases'],
  ])('refuses %s', (url, problem) => {
    expect(badNames({ REDIS_URL: url })).toEqual(['REDIS_URL']);
    expect(failureOf({ REDIS_URL: url }).message).toContain(problem);
  });
});

describe('API_KEYS', () => {
  const secret = (letter: string) => letter.repeat(24);

  it('holds several names, and several secrets of one name', () => {
    expect(load({ API_KEYS: `web:${secret('a')}, my_app-2.x:${secret('b')}:c,web:${secret('d')}` }).apiKeys).toEqual([
      { name: 'web', secret: secret('a') },
      { name: 'my_app-2.x', secret: `${secret('b')}:c` },
      { name: 'web', secret: secret('d') },
    ]);
  });

  it.each([
    ['no name', secret('a'), 'entry 1 is not name:secret'],
    ['an empty name', `:${secret('a')}`, 'entry 1 is not name:secret'],
    ['a name with a space', `my app:${secret('a')}`, 'entry 1 is not name:secret'],
    ['a long name', `${'n'.repeat(65)}:${secret('a')}`, 'entry 1 is not name:secret'],
    ['an empty entry', `web:${secret('a')},`, 'entry 2 is not name:secret'],
    ['a short secret', `web:${secret('a')},app:${'b'.repeat(23)}`, 'entry 2 has a secret of fewer than 24'],
    ['a secret with a space', `web:${secret('a')} b`, 'entry 1 has a secret with spaces'],
    ['a secret with an umlaut', `web:${secret('a')}ü`, 'entry 1 has a secret with spaces'],
    ['one secret of two names', `web:${secret('a')},app:${secret('a')}`, 'entry 2 has the secret of another name'],
  ])('refuses %s', (_, keys, problem) => {
    expect(badNames({ API_KEYS: keys }, 'api')).toEqual(['API_KEYS']);
    expect(badNames({ API_KEYS: keys }, 'worker')).toEqual(['API_KEYS']);
    expect(failureOf({ API_KEYS: keys }).message).toContain(problem);
  });
});

describe('the sign-in of /admin', () => {
  it('needs both variables, and names the one that is missing', () => {
    expect(badNames({ ADMIN_USER: 'ops' })).toEqual(['ADMIN_PASSWORD']);
    expect(badNames({ ADMIN_PASSWORD: 'pass' })).toEqual(['ADMIN_USER']);
    expect(badNames({ ADMIN_USER: 'a:b', ADMIN_PASSWORD: 'pass' })).toEqual(['ADMIN_USER']);
  });

  it('takes a password or its hash, and further people with their roles', async () => {
    const hash = await hashPassword('a password');
    const { admin } = load({
      ADMIN_USER: 'ops',
      ADMIN_PASSWORD: hash,
      ADMIN_USERS: `ann:operator:${hash}, ben:viewer:${hash}`,
    });

    expect(admin?.users).toEqual([
      { name: 'ops', role: 'operator', password: hash },
      { name: 'ann', role: 'operator', password: hash },
      { name: 'ben', role: 'viewer', password: hash },
    ]);
    expect(load({ ADMIN_USERS: `ben:viewer:${hash}` }).admin?.users).toHaveLength(1);
    expect(badNames({ ADMIN_USER: 'ben', ADMIN_PASSWORD: 'pass', ADMIN_USERS: `ben:viewer:${hash}` })).toEqual([
      'ADMIN_USERS',
    ]);
    for (const users of [
      `ben:admin:${hash}`,
      'ben:viewer:plain',
      `ben:${hash}`,
      `ben:viewer:${hash},ben:viewer:${hash}`,
    ]) {
      expect(badNames({ ADMIN_USERS: users })).toEqual(['ADMIN_USERS']);
    }
  });

  const OIDC = {
    OIDC_ISSUER: 'https://login.example/realms/acme',
    OIDC_CLIENT_ID: 'ringback',
    OIDC_CLIENT_SECRET: 'a secret',
    OIDC_OPERATORS: 'Ann@Example.com, group:on call',
    PUBLIC_URL: 'https://verify.example/',
  };

  it('can be with an OpenID provider, with or without passwords beside it', () => {
    expect(load(OIDC).admin).toEqual({
      users: [],
      oidc: {
        issuer: 'https://login.example/realms/acme',
        clientId: 'ringback',
        clientSecret: 'a secret',
        publicUrl: 'https://verify.example',
        members: { operator: ['ann@example.com', 'group:on call'], viewer: [] },
        groupsClaim: 'groups',
      },
    });
    expect(load({ ...OIDC, ADMIN_USER: 'ops', ADMIN_PASSWORD: 'pass' }).admin?.users).toHaveLength(1);
  });

  it.each([
    [{ OIDC_CLIENT_ID: '' }, ['OIDC_CLIENT_ID']],
    [{ OIDC_CLIENT_SECRET: '' }, ['OIDC_CLIENT_SECRET']],
    [{ PUBLIC_URL: '' }, ['PUBLIC_URL']],
    [{ OIDC_OPERATORS: '' }, ['OIDC_OPERATORS']],
    [{ OIDC_ISSUER: '' }, ['OIDC_ISSUER']],
    [{ OIDC_ISSUER: 'http://login.example' }, ['OIDC_ISSUER']],
    [{ OIDC_ISSUER: 'login.example' }, ['OIDC_ISSUER']],
    [{ PUBLIC_URL: 'http://verify.example' }, ['PUBLIC_URL']],
    [{ PUBLIC_URL: 'https://verify.example/path' }, ['PUBLIC_URL']],
    [{ OIDC_OPERATORS: 'example.com' }, ['OIDC_OPERATORS']],
    [{ OIDC_VIEWERS: 'group:' }, ['OIDC_VIEWERS']],
  ])('is refused with %j', (wrong, names) => {
    expect(badNames({ ...OIDC, ...wrong })).toEqual(names);
  });

  it.each([
    'scrypt$',
    'scrypt$1024$8$1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g',
    'scrypt$16385$8$1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g',
    'scrypt$67108864$8$1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g',
    'scrypt$16384$8$1$$',
  ])('refuses the broken, weak or greedy hash %s, without repeating it', (hash) => {
    const failure = failureOf({ ADMIN_USER: 'ops', ADMIN_PASSWORD: hash });

    expect(failure.badVariables.map(({ variable }) => variable)).toEqual(['ADMIN_PASSWORD']);
    expect(failure.message).not.toContain('c2FsdHNhbHRzYWx0c2FsdA');
  });
});

describe('the callback variables', () => {
  it('need a secret with a URL, but no URL with a secret', () => {
    expect(badNames({ CALLBACK_URL: 'https://client.example' })).toEqual(['CALLBACK_SECRET']);
    expect(load({ CALLBACK_SECRET }).callbacks.secrets).toEqual([CALLBACK_SECRET]);
  });

  it.each(['secret', 'whsec_', 'whsec_c2hvcnQ=', CALLBACK_SECRET.replace('whsec_', ''), `${CALLBACK_SECRET},`])(
    'refuse the secret %s',
    (secret) => {
      expect(badNames({ CALLBACK_SECRET: secret })).toEqual(['CALLBACK_SECRET']);
    },
  );

  it.each([
    'client.example',
    'ftp://client.example',
    'http://client.example',
    'http://10.0.0.1',
    'https://10.0.0.1',
    'https://localhost#a',
    'https://user@client.example',
  ])('refuse the target %s', (url) => {
    expect(badNames({ CALLBACK_URL: url, CALLBACK_SECRET })).toEqual(['CALLBACK_URL']);
  });

  it('let a target into a private network that is allowed, by http too', () => {
    const env = { CALLBACK_URL: 'http://10.0.0.1:8080/hooks', CALLBACK_SECRET, CALLBACK_ALLOW_NETWORKS: '10.0.0.0/24' };

    expect(load(env).callbacks.url).toBe('http://10.0.0.1:8080/hooks');
    expect(badNames({ ...env, CALLBACK_ALLOW_NETWORKS: '10.0.1.0/24' })).toEqual(['CALLBACK_URL']);
  });

  it.each(['10.0.0.0', '10.0.0.0/33', 'example.com/8', '10.0.0.0/8,', '10.0.0.0/8;fd00::/8'])(
    'refuse the networks %s, and do not judge the target by them',
    (networks) => {
      const env = { CALLBACK_ALLOW_NETWORKS: networks, CALLBACK_URL: 'http://10.0.0.1', CALLBACK_SECRET };

      expect(badNames(env)).toEqual(['CALLBACK_ALLOW_NETWORKS']);
    },
  );
});

describe('rules between variables', () => {
  it.each([
    [{ SEND_TIMEOUT_MS: '5000', LOCK_DURATION_MS: '5000' }, 'SEND_TIMEOUT_MS', 'LOCK_DURATION_MS'],
    [{ LOCK_DURATION_MS: '9000' }, 'SEND_TIMEOUT_MS', 'LOCK_DURATION_MS'],
    [{ SEND_BACKOFF_MS: '20000' }, 'SEND_BACKOFF_MAX_MS', 'SEND_BACKOFF_MS'],
    [{ MAX_SENDS: '2', WORKFLOW: 'sms,sms,call' }, 'MAX_SENDS', 'WORKFLOW'],
    [{ METRICS_PORT: '3000' }, 'METRICS_PORT', 'PORT'],
  ])('%j is refused, naming both', (env, name, other) => {
    expect(badNames(env)).toEqual([name]);
    expect(failureOf(env).message).toContain(` ${other}`);
  });

  it('cut the default workflow to MAX_SENDS', () => {
    expect(load({ MAX_SENDS: '1' }).defaultWorkflow).toEqual([{ channel: 'sms', timeout: 45 }]);
  });

  it('are not held against a value that is bad by itself', () => {
    expect(badNames({ SEND_TIMEOUT_MS: '99999', LOCK_DURATION_MS: 'x' })).toEqual(['LOCK_DURATION_MS']);
    expect(badNames({ MAX_SENDS: '1', WORKFLOW: 'x' })).toEqual(['WORKFLOW']);
  });

  it('are met on the edge', () => {
    expect(load({ SEND_TIMEOUT_MS: '29999' }).sending.timeoutMs).toBe(29_999);
    expect(load({ SEND_BACKOFF_MS: '15000' }).sending.backoffMs).toBe(15_000);
    expect(load({ MAX_SENDS: '2', WORKFLOW: 'call,sms' }).sending.maxSends).toBe(2);
    expect(load({ PORT: '0', METRICS_PORT: '0' })).toMatchObject({ port: 0, metricsPort: 0 });
  });

  it('leave the ports of a worker alone: it has but one', () => {
    expect(load({ METRICS_PORT: '3000' }, 'worker').metricsPort).toBe(3000);
  });
});

describe('the OpenTelemetry variables', () => {
  it.each([
    [{}, undefined],
    [{ OTEL_TRACES_EXPORTER: 'none' }, undefined],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, { url: undefined }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318/' }, { url: 'http://otel:4318/v1/traces' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318', OTEL_TRACES_EXPORTER: 'none' }, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318', OTEL_SDK_DISABLED: 'true' }, undefined],
    [
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318',
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.example/in',
      },
      { url: 'https://traces.example/in' },
    ],
  ])('switch tracing on and off: %j', (env, tracing) => {
    expect(load(env).tracing).toEqual(tracing);
  });
});

describe('the variables about numbers', () => {
  const key = Buffer.alloc(32, 1).toString('base64');

  it.each([
    'k1',
    key,
    `:${key}`,
    `k1:${key.slice(1)}`,
    `k1:${key}A`,
    `k 1:${key}`,
    `k1:${key},k1:${key}`,
    `k1:${key},`,
  ])('refuse %s as ENCRYPTION_KEYS', (keys) => {
    expect(badNames({ ENCRYPTION_KEYS: keys })).toEqual(['ENCRYPTION_KEYS']);
  });

  it.each([
    '+14045550199',
    '+14045550199=123456',
    '+14045550199=12345@2026-12-31',
    '+14045550199=123456@2026-02-30',
    '+14045550199=123456@31.12.2026',
    '4045550199=123456@2026-12-31',
    '+1404555=123456@2026-12-31',
    '+14045550199=123456@2026-12-31,+14045550199=654321@2026-12-31',
  ])('refuse %s as TEST_NUMBERS', (entries) => {
    expect(badNames({ TEST_NUMBERS: entries })).toEqual(['TEST_NUMBERS']);
  });
});

describe('a single value', () => {
  it.each([
    ['true', true],
    ['1', true],
    ['Yes', true],
    ['on', true],
    ['FALSE', false],
    ['0', false],
    ['no', false],
    ['off', false],
  ])('DEMO=%s is %s', (text, demo) => {
    expect(load({ DEMO: text }).demo).toBe(demo);
  });

  it.each([
    ['45', 45_000],
    ['45s', 45_000],
    ['2m', 120_000],
    ['500ms', 500],
  ])('RESEND_COOLDOWN=%s is %i ms', (text, ms) => {
    expect(load({ RESEND_COOLDOWN: text }).sending.resendCooldownMs).toBe(ms);
  });

  it.each([
    ['off', undefined],
    ['OFF', undefined],
    ['5/10m, 10/d', enforced([5, 600], [10, 86_400])],
    ['monitor:1/90s', { ...enforced([1, 90]), mode: 'monitor' }],
  ])('LIMIT_NUMBER=%s is %j', (text, limit) => {
    expect(load({ LIMIT_NUMBER: text }).limits.number).toEqual(limit);
  });

  it.each([
    ['9/d; gb = 5/h,7/d ;JM=off', enforced([9, 86_400]), { GB: enforced([5, 3_600], [7, 86_400]), JM: undefined }],
    ['US=monitor:5/h', undefined, { US: { ...enforced([5, 3_600]), mode: 'monitor' } }],
  ])('LIMIT_COUNTRY=%s has limits for single countries', (text, otherwise, named) => {
    expect(load({ LIMIT_COUNTRY: text }).limits.country).toEqual({ otherwise, named: new Map(Object.entries(named)) });
  });

  it('has prices by country and budgets by API key, in millionths', () => {
    const prices = { PRICE_SMS: '0.0079;gb=0.05', PRICE_CALL: '1' };
    expect(load({ ...prices, DAILY_BUDGET: 'monitor:25', DAILY_BUDGET_API_KEY: 'off; shop = 2.5' }).spending).toEqual({
      prices: {
        sms: { otherwise: 7_900, named: new Map([['GB', 50_000]]) },
        call: { otherwise: 1_000_000, named: new Map() },
      },
      dailyBudget: { mode: 'monitor', amount: 25_000_000 },
      apiKeyBudget: { otherwise: undefined, named: new Map([['shop', { mode: 'enforce', amount: 2_500_000 }]]) },
    });
  });

  it.each([
    [{ DAILY_BUDGET: '25' }, ['PRICE_SMS', 'PRICE_CALL']],
    [{ DAILY_BUDGET_API_KEY: 'shop=25', PRICE_CALL: '1' }, ['PRICE_SMS']],
    [{ PRICE_SMS: '1', DAILY_BUDGET: 'off' }, ['PRICE_CALL']],
  ])('with %j lacks %j', (env, lacking) => {
    expect(badNames(env)).toEqual(lacking);
  });

  it.each([1, 2, 4, 8, 16, 32, 64, 128, 256])('PARTITIONS may be %i', (count) => {
    expect(load({ PARTITIONS: String(count) })).toMatchObject({ partitions: count, partitionsFilled: count });
  });

  it('PARTITIONS_FILLED may be PARTITIONS or less', () => {
    expect(load({ PARTITIONS: '4', PARTITIONS_FILLED: '2' })).toMatchObject({ partitions: 4, partitionsFilled: 2 });
    expect(load({ PARTITIONS: '4', PARTITIONS_FILLED: '4' }).partitionsFilled).toBe(4);
    expect(badNames({ PARTITIONS: '4', PARTITIONS_FILLED: '8' })).toEqual(['PARTITIONS_FILLED']);
  });

  it.each(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])('LOG_LEVEL may be %s', (level) => {
    expect(load({ LOG_LEVEL: level }).logLevel).toBe(level);
  });

  it.each(['localhost', '127.0.0.1', '::', 'api.internal'])('HOST may be %s', (host) => {
    expect(load({ HOST: host }).host).toBe(host);
  });

  it.each([
    ['HOST', ['http://localhost', 'a b', '[::1]', 'localhost:3000', '999.1.1.1', '127.0.1']],
    ['PORT', ['-1', '65536', '3000.5', '3e3', '0x10', 'http']],
    ['METRICS_PORT', ['-1', '65536', 'off']],
    ['DEMO', ['maybe', '2']],
    ['CALLBACK_RETRY_SCHEDULE', ['5', '5s,', '5s;30s', '8d', Array(21).fill('1s').join(',')]],
    ['NUMBER_KEY', ['k'.repeat(31)]],
    ['RETENTION', ['30', '0s', '999ms', '3651d', '30 d']],
    ['NUMBER_RETENTION', ['24', '3651d', '-1h']],
    ['COUNTRIES', ['UK', 'USA', 'US;CA', 'US,', 'XX', '1']],
    ['GUARD_MODE', ['on', 'block']],
    ['GUARD_CONVERSION', ['50', '50,35', '20,35,50', '101,50,20', '50,35,20,10', '50%,35,20', '50,,20']],
    ['COUNTRIES_MODE', ['deny', 'allow,block']],
    ['REFUSED_NUMBER_TYPES', ['premium', 'premium-rate;pager', 'monitor:', 'off,pager']],
    ['BLOCK_LIST', ['4045550123', '+1404555', '*', '+*', '+1404*555', '+14045550123,']],
    ['SAFE_LIST', ['+1', '1404*']],
    [
      'WORKFLOW',
      ['sms:45', 'email', 'sms:4s', 'sms:901s', 'sms:5500ms', 'sms:', 'sms,,call', 'SMS', 'sms,sms,sms,sms,sms'],
    ],
    [
      'LIMIT_NUMBER',
      ['5', '5/', '0/10m', '5/10', '5/500ms', '5/1500ms', '5/32d', '100001/d', '5/10m;3/d', 'watch:5/m'],
    ],
    ['LIMIT_COUNTRY', ['10/d;XX=5/d', '10/d;=5/d', '10/d;5/h', 'US=5']],
    ['LIMIT_API_KEY', ['off;my app=5/s', 'name=', '5/s;name']],
    ['PRICE_SMS', ['-1', '1,5', '0.1234567', 'GB=0.05', '0.01;XX=1', '0.01;GB=', 'off']],
    ['PRICE_CALL', ['$1', '.5']],
    ['DAILY_BUDGET', ['0', '-5', '25 USD', 'monitor:', 'watch:5', '25;shop=5']],
    ['DAILY_BUDGET_API_KEY', ['25;my app=5', 'shop=', 'shop=0']],
    ['SEND_TIMEOUT_MS', ['0', '10s', '600001']],
    ['SEND_TRIES', ['0', '101', '1.5']],
    ['SEND_BACKOFF_MS', ['-1', '500ms']],
    ['SEND_BACKOFF_MAX_MS', ['600001', 'x']],
    ['MAX_SENDS', ['0', '21']],
    ['RESEND_COOLDOWN', ['-1', '1.5', '25h', '1w']],
    ['BREAKER_MIN_TRIES', ['-1', 'never']],
    ['SMS_RATE_PER_SECOND', ['-1', '1/s', '1e3', '.5', 'Infinity']],
    ['CALL_RATE_PER_SECOND', ['-0.1', 'one']],
    ['SMS_CONCURRENCY', ['0', '10001']],
    ['CALL_CONCURRENCY', ['0', '1.5']],
    ['CALLBACK_CONCURRENCY', ['0', '-1']],
    ['LOCK_DURATION_MS', ['1', '30s', '600001']],
    ['LOG_LEVEL', ['verbose', 'off']],
    ['PARTITIONS', ['0', '3', '512', '1.0', '01']],
    ['PARTITIONS_FILLED', ['0', '2', '3']],
  ])('%s is none of %j', (name, texts) => {
    for (const text of texts) expect([text, badNames({ [name]: text })]).toEqual([text, [name]]);
  });
});
