import { describe, expect, it } from 'vitest';
import {
  dropEmpty,
  findRefusal,
  makeDevelopmentSecrets,
  SECRETS,
  serviceEnv,
  summarize,
  usesSandbox,
  workerEnv,
} from '../../scripts/settings.mjs';
import { SECRETS as SERVICE_SECRETS } from '../../src/shared/config.ts';

const secrets = makeDevelopmentSecrets();
const redisUrl = 'redis://127.0.0.1:6380';
const sandboxUrl = 'http://127.0.0.1:3001';
const credentials = { SIGNALWIRE_PROJECT_KEY: 'key', SIGNALWIRE_TOKEN: 'token', SIGNALWIRE_SPACE: 'acme' };

describe('what npm start refuses', () => {
  it('is production without what must not be made up, naming each variable', () => {
    expect(findRefusal({ NODE_ENV: 'production', SIGNALWIRE_TOKEN: 'token' })).toContain(
      'Set REDIS_URL, SIGNALWIRE_PROJECT_KEY, API_KEYS, SIGNALWIRE_SPACE (or SIGNALWIRE_BASE_URL).',
    );
    expect(
      findRefusal({ NODE_ENV: 'production', REDIS_URL: redisUrl, API_KEYS: 'a:b', ...credentials }),
    ).toBeUndefined();
  });

  it('is half a pair of credentials', () => {
    expect(findRefusal({ SIGNALWIRE_TOKEN: 'token' })).toContain(
      'Set both SIGNALWIRE_PROJECT_KEY and SIGNALWIRE_TOKEN',
    );
  });

  it('is an address of SignalWire without credentials, which the sandbox would silently replace', () => {
    expect(findRefusal({ SIGNALWIRE_BASE_URL: 'http://10.0.0.1' })).toContain('SIGNALWIRE_BASE_URL is set');
  });

  it('is a secret in a file, which it would have to pass on', () => {
    expect(findRefusal({ API_KEYS_FILE: '/run/secrets/keys' })).toContain('set API_KEYS itself');
    expect(SECRETS).toEqual(SERVICE_SECRETS);
  });

  it('is nothing on a laptop with no settings at all, an empty value being none', () => {
    const env = dropEmpty({ SIGNALWIRE_PROJECT_KEY: '', SIGNALWIRE_TOKEN: '' });

    expect(findRefusal(env)).toBeUndefined();
    expect(usesSandbox(env)).toBe(true);
  });
});

describe('the environment of the services', () => {
  it('is the sandbox, with the demo page and callbacks to this machine', () => {
    expect(serviceEnv({}, { secrets, redisUrl, sandboxUrl })).toEqual({
      ...secrets,
      HOST: '127.0.0.1',
      REDIS_URL: redisUrl,
      SIGNALWIRE_BASE_URL: sandboxUrl,
      RINGBACK_SANDBOX_URL: sandboxUrl,
      DEMO: 'true',
      LIMIT_CLIENT_IP: 'off',
      CALLBACK_ALLOW_NETWORKS: '127.0.0.0/8,::1/128',
    });
  });

  it('keeps what the user has set', () => {
    const env = { HOST: '0.0.0.0', DEMO: 'false', API_KEYS: 'mine:secret', ADMIN_PASSWORD: 'mine' };

    expect(serviceEnv(env, { secrets, redisUrl, sandboxUrl })).toMatchObject({ ...env, ADMIN_USER: 'admin' });
  });

  it('shows no demo page and opens no network where codes are really sent', () => {
    const env = serviceEnv(credentials, { secrets, redisUrl, sandboxUrl: undefined });

    expect(env).toMatchObject(credentials);
    expect(Object.keys(env)).not.toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^(DEMO|CALLBACK_ALLOW_NETWORKS|CALLBACK_SECRET|ENCRYPTION_KEYS)$/),
      ]),
    );
  });

  it('makes nothing up in production', () => {
    const env = { NODE_ENV: 'production', REDIS_URL: redisUrl, API_KEYS: 'a:b', ...credentials };

    expect(serviceEnv(env, { secrets, redisUrl, sandboxUrl: undefined })).toEqual(env);
  });

  it('gives the worker a metrics port of its own', () => {
    expect(workerEnv({ METRICS_PORT: '9464' })).toEqual({ METRICS_PORT: '9465' });
    expect(workerEnv({})).toEqual({});
  });
});

describe('the summary', () => {
  const running = { apiUrl: 'http://127.0.0.1:3000', redis: 'here', logDir: '.data/logs' };

  it('shows every page, the sign-in and a request that works as pasted', () => {
    const env = serviceEnv({ API_KEYS: 'dev:a:secret,other:b' }, { secrets, redisUrl, sandboxUrl });

    const text = summarize({ ...running, sandboxUrl, env });

    expect(text).toContain('http://127.0.0.1:3000/demo');
    expect(text).toContain(sandboxUrl);
    expect(text).toContain('http://127.0.0.1:3000/admin ');
    expect(text).toContain(`http://127.0.0.1:3000/admin/queues   sign in as admin with ${secrets.ADMIN_PASSWORD}`);
    const hashed = summarize({ ...running, sandboxUrl, env: { ...env, ADMIN_PASSWORD: 'scrypt$16384$8$1$salt$hash' } });
    expect(hashed).toContain('sign in as admin with your password');
    expect(text).toContain(
      `curl -sS http://127.0.0.1:3000/v1/verifications -H 'Authorization: Bearer a:secret' -H 'Content-Type: application/json' -d '{"to":"+14045550123"}'`,
    );
  });

  it('shows no secret in production', () => {
    const env = { NODE_ENV: 'production', API_KEYS: 'a:secret-key', ADMIN_USER: 'me', ADMIN_PASSWORD: 'secret-word' };

    expect(summarize({ ...running, sandboxUrl: undefined, env })).not.toMatch(/secret-/);
  });
});
