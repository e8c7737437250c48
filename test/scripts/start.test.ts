import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readNotice } from '../../scripts/child.mjs';

const START = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));

describe('npm start', () => {
  it('makes nothing up in production: it names what is missing, and ends', async () => {
    // Set but empty, so that a developer's .env does not fill them in.
    const unset = {
      REDIS_URL: '',
      SIGNALWIRE_PROJECT_KEY: '',
      SIGNALWIRE_TOKEN: '',
      API_KEYS: '',
      SIGNALWIRE_SPACE: '',
    };
    const launcher = spawn(process.execPath, [START], {
      env: { ...process.env, ...unset, SIGNALWIRE_BASE_URL: '', NODE_ENV: 'production' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });

    const [errors, [exitCode]] = await Promise.all([text(launcher.stderr), once(launcher, 'exit')]);

    expect(exitCode).toBe(1);
    expect(errors).toContain(
      'Set REDIS_URL, SIGNALWIRE_PROJECT_KEY, SIGNALWIRE_TOKEN, API_KEYS, SIGNALWIRE_SPACE (or SIGNALWIRE_BASE_URL).',
    );
  });
});

describe('what the terminal shows of a log', () => {
  it.each([
    ['{"level":30,"msg":"listening"}', undefined],
    ['{"level":40,"msg":"no ENCRYPTION_KEYS"}', 'warning: no ENCRYPTION_KEYS'],
    ['{"level":50,"msg":"callback failed","err":{"message":"boom"}}', 'error: callback failed: boom'],
    ['{"level":50,"err":{"message":"boom"},"msg":"boom"}', 'error: boom'],
    ['listening', undefined],
    ['{ not json', undefined],
  ])('of %s is %s', (line, shown) => {
    expect(readNotice(line)).toBe(shown);
  });
});
