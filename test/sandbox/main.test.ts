import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { basic, PROJECT_KEY, TO, TOKEN } from './fixtures.ts';

const MAIN = fileURLToPath(new URL('../../src/sandbox/main.ts', import.meta.url));
const SETTINGS = { SANDBOX_PORT: '0', SANDBOX_HOST: '', SANDBOX_PROJECT_KEY: PROJECT_KEY, SANDBOX_TOKEN: TOKEN };

function start(settings: Record<string, string>): ChildProcess {
  const child = fork(MAIN, { env: { PATH: process.env['PATH'], ...settings }, execArgv: [], stdio: 'pipe' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function startListening(): Promise<{ child: ChildProcess; url: string }> {
  const child = start(SETTINGS);
  const [message] = await once(child, 'message');
  expect(message).toEqual({ type: 'listening', url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
  return { child, url: message.url };
}

describe('the sandbox as a process', () => {
  it('says where it listens, serves, and ends with its parent', async () => {
    const { child, url } = await startListening();

    const response = await fetch(`${url}/api/relay/rest/mfa/sms`, {
      method: 'POST',
      headers: { authorization: basic(PROJECT_KEY, TOKEN), 'content-type': 'application/json' },
      body: JSON.stringify({ to: TO }),
    });
    expect(await response.json()).toMatchObject({ success: true });
    child.disconnect();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it.for(['SIGTERM', 'SIGINT'] as const)('ends on %s, whoever is connected', async (signal) => {
    const { child, url } = await startListening();
    const events = await fetch(`${url}/events`);
    const ended = expect(events.text()).rejects.toThrow('terminated');

    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([0, null]);
    await ended;
  });

  it('does not start without credentials, and names them', async () => {
    const child = start({ SANDBOX_PORT: '70000' });
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += chunk;
    });

    expect(await once(child, 'close')).toEqual([1, null]);
    for (const name of ['SANDBOX_PORT', 'SANDBOX_PROJECT_KEY', 'SANDBOX_TOKEN']) expect(said).toContain(name);
  });

  it('does not start on a port that is taken', async () => {
    const { url } = await startListening();
    const child = start({ ...SETTINGS, SANDBOX_PORT: new URL(url).port });

    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});
