import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, SECRETS } from '../../src/shared/config.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'ringback-secrets-'));
afterAll(() => rmSync(dir, { recursive: true }));
let files = 0;

function fileWith(content: string): string {
  files += 1;
  const file = path.join(dir, `secret-${files}`);
  writeFileSync(file, content);
  return file;
}

const KEY = Buffer.alloc(32, 1).toString('base64');
const GIVEN: Record<string, string> = {
  SIGNALWIRE_PROJECT_KEY: 'project',
  SIGNALWIRE_TOKEN: 'token',
  REDIS_URL: 'redis://:secret@localhost:6379',
  API_KEYS: 'web:0123456789abcdef01234567',
  ADMIN_PASSWORD: ' a password with spaces around ',
  ADMIN_USERS: '',
  OIDC_CLIENT_SECRET: '',
  CALLBACK_SECRET: `whsec_${KEY}`,
  NUMBER_KEY: 'k'.repeat(32),
  ENCRYPTION_KEYS: `k1:${KEY}`,
  TEST_NUMBERS: '+14045550199=123456@2026-12-31',
};
const REST = { SIGNALWIRE_SPACE: 'acme', ADMIN_USER: 'ops' };
const badOf = (env: Record<string, string>) => {
  try {
    loadConfig(env, 'api');
  } catch (error) {
    if (error instanceof ConfigError) return error.badVariables;
  }
  return [];
};

describe('secrets in files', () => {
  it('are every variable that holds one', () => {
    expect(Object.keys(GIVEN)).toEqual([...SECRETS]);
  });

  it.each(['', '\n', '\r\n'])('are read as if they stood in the environment, when they end with %j', (end) => {
    const given = Object.entries(GIVEN).filter(([, value]) => value !== '');
    const asFiles = Object.fromEntries(given.map(([name, value]) => [`${name}_FILE`, fileWith(value + end)]));

    expect(loadConfig({ ...REST, ...asFiles }, 'api')).toEqual(loadConfig({ ...REST, ...GIVEN }, 'api'));
  });

  it('lose one newline at their end and nothing else', () => {
    const load = (text: string) =>
      loadConfig({ ...REST, ...GIVEN, ADMIN_PASSWORD: '', ADMIN_PASSWORD_FILE: fileWith(text) }, 'api');

    expect(load(' pass\n\n').admin).toEqual(loadConfig({ ...REST, ...GIVEN, ADMIN_PASSWORD: ' pass\n' }, 'api').admin);
  });

  it('that are missing or empty are named, by variable and path', () => {
    const empty = fileWith('\n');

    expect(
      badOf({
        ...REST,
        ...GIVEN,
        SIGNALWIRE_TOKEN: '',
        SIGNALWIRE_TOKEN_FILE: '/nowhere/token',
        NUMBER_KEY: '',
        NUMBER_KEY_FILE: empty,
      }),
    ).toEqual([
      {
        variable: 'SIGNALWIRE_TOKEN_FILE',
        problem: '"/nowhere/token" cannot be read (ENOENT). Name a file that this process may read.',
      },
      { variable: 'NUMBER_KEY_FILE', problem: `"${empty}" is empty. Put the secret there.` },
    ]);
  });

  it('with bad content are named as the variable, without it', () => {
    const [bad] = badOf({ ...REST, ...GIVEN, NUMBER_KEY: '', NUMBER_KEY_FILE: fileWith('too short') });

    expect(bad).toEqual({ variable: 'NUMBER_KEY', problem: 'has fewer than 32 characters. Make a longer one.' });
  });

  it('are refused beside the variable itself', () => {
    expect(badOf({ ...REST, ...GIVEN, NUMBER_KEY_FILE: fileWith('k'.repeat(32)) })).toEqual([
      { variable: 'NUMBER_KEY_FILE', problem: 'is set together with NUMBER_KEY. Set one of them.' },
    ]);
  });

  it('are for secrets only', () => {
    expect(loadConfig({ ...REST, ...GIVEN, PORT_FILE: fileWith('4000') }, 'api').port).toBe(3000);
  });

  it('that are no files are named', () => {
    const [bad] = badOf({ ...REST, ...GIVEN, SIGNALWIRE_TOKEN: '', SIGNALWIRE_TOKEN_FILE: dir });

    expect(bad).toMatchObject({ variable: 'SIGNALWIRE_TOKEN_FILE', problem: expect.stringContaining('EISDIR') });
  });
});
