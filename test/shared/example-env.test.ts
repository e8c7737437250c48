import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, VARIABLES } from '../../src/shared/config.ts';

const text = readFileSync(new URL('../../example.env', import.meta.url), 'utf8');

/** Assignments of the file with the comment block above them; a commented-out one counts too. */
const documented = [...text.matchAll(/((?:^# .*\n)+)((?:^#?[A-Z_]+=.*\n?)+)/gm)].flatMap(
  ([, comment = '', lines = '']) =>
    [...lines.matchAll(/^(#?)([A-Z_]+)=(.*)$/gm)].map(([, off = '', name = '', value = '']) => ({
      name,
      value,
      isActive: off === '',
      isRequired: /\bRequired(?! with)/.test(comment),
    })),
);

/** What `docker-compose.yml` asks of the same file for itself: `${NAME:-default}`, or `${NAME:?message}`. */
const compose = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
const forCompose = [...compose.matchAll(/\$\{([A-Z_]+):([-?])([^}]*)\}/g)]
  .map(([, name = '', kind, text]) => ({ name, default: kind === '-' && text ? text : undefined }))
  .filter(({ name }) => VARIABLES.every((variable) => variable.name !== name));

const expected = [...VARIABLES.filter((variable) => !variable.internal), ...forCompose];

const REQUIRED = {
  SIGNALWIRE_SPACE: 'acme',
  SIGNALWIRE_PROJECT_KEY: 'project',
  SIGNALWIRE_TOKEN: 'token',
  REDIS_URL: 'redis://localhost:6379',
  API_KEYS: 'web:0123456789abcdef01234567',
};

describe('example.env', () => {
  it('has each variable of the configuration and of the compose file once, under a comment, and no other', () => {
    expect(documented.map(({ name }) => name).sort()).toEqual(expected.map(({ name }) => name).sort());
    expect([...text.matchAll(/^#?[A-Z_]+=/gm)]).toHaveLength(expected.length);
  });

  it('states the defaults that hold', () => {
    const stated = Object.fromEntries(documented.map(({ name, value }) => [name, value || undefined]));
    const real = Object.fromEntries(expected.map((variable) => [variable.name, variable.default]));

    expect(stated).toEqual(real);
  });

  it('marks what the API cannot start without, and leaves nothing else to fill in', () => {
    const missing = missingFrom(parseEnv(text)).sort();
    const namesOf = (chosen: typeof documented) => chosen.map(({ name }) => name).sort();

    expect(namesOf(documented.filter(({ isRequired }) => isRequired))).toEqual(missing);
    expect(namesOf(documented.filter(({ isActive }) => isActive))).toEqual(missing);
  });

  it('makes a configuration once the required variables are filled in, the default one', () => {
    const withDefaults = parseEnv(text.replaceAll(/^#(?=[A-Z_]+=)/gm, ''));

    expect(loadConfig({ ...parseEnv(text), ...REQUIRED }, 'api')).toEqual(loadConfig(REQUIRED, 'api'));
    expect(loadConfig({ ...withDefaults, ...REQUIRED }, 'api')).toEqual(loadConfig(REQUIRED, 'api'));
  });

  it('gives commands whose secrets are accepted', () => {
    const commands = [...text.matchAll(/^# {3}node -e "(.*)"$/gm)].map(([, code = '']) => code);
    const [apiKeys, password, callbackSecret, numberKey, encryptionKeys] = commands.map((code) => run(code));

    const config = loadConfig(
      {
        ...REQUIRED,
        API_KEYS: apiKeys,
        ADMIN_USER: 'ops',
        ADMIN_PASSWORD: password,
        CALLBACK_SECRET: callbackSecret,
        NUMBER_KEY: numberKey,
        ENCRYPTION_KEYS: encryptionKeys,
      },
      'api',
    );

    expect(commands).toHaveLength(5);
    expect(config.apiKeys).toHaveLength(1);
    expect(config.callbacks.secrets).toHaveLength(1);
    expect(config.encryptionKeys).toHaveLength(1);
  });
});

function missingFrom(env: NodeJS.Dict<string>): string[] {
  try {
    loadConfig(env, 'api');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.badVariables.map((bad) => bad.variable);
  }
}

function run(code: string): string {
  return execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' }).trim();
}
