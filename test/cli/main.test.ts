import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished } from 'vitest';
import { acquireLock } from '../../scripts/process-lock.mjs';
import { makeDevelopmentSecrets } from '../../scripts/settings.mjs';
import { COMMANDS } from '../../src/cli/commands.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { VERSION } from '../../src/shared/version.ts';
import { API_KEY, freshNumber, it } from '../fixtures.ts';
import { accessTo, runCli } from './cli-process.ts';

function ownFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ringback-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('ringback', () => {
  it('tells what there is, and how it ends', async () => {
    const { code, stdout } = await runCli([]);

    for (const { name, summary } of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${name} .*${summary}$`, 'm'));
    for (const { code: number, meaning } of Object.values(EXIT)) expect(stdout).toContain(`${number}  ${meaning}`);
    expect(code).toBe(0);
  });

  it('documents every exit code', () => {
    const page = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8');

    for (const { code, meaning } of Object.values(EXIT)) expect(page).toContain(`| ${code} | ${meaning} |`);
  });

  it.for(COMMANDS.map(({ name }) => name))('tells what %s takes', async (name) => {
    const asked = await runCli(['help', name]);
    const hinted = await runCli([name, '--help']);

    expect(asked.stdout).toMatch(new RegExp(`^ringback ${name} `));
    expect(asked.stdout).toContain('--json');
    expect(hinted).toEqual(asked);
  });

  it('runs as the command that package.json names', () => {
    const root = new URL('../../', import.meta.url);
    const { bin } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
    const PATH = `${path.dirname(process.execPath)}:${process.env['PATH']}`;

    const { stdout } = spawnSync(fileURLToPath(new URL(bin.ringback, root)), ['version'], { env: { PATH } });

    expect(stdout.toString()).toBe(`${VERSION}\n`);
  });

  it('tells its version', async () => {
    expect(await runCli(['--version'])).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
  });

  it.for([
    [['dial'], 'There is no such command.'],
    [['help', 'dial'], 'There is no such command.'],
    [['verify'], 'NUMBER is missing.'],
    [['verify', '+14045550123', '+14045550124'], 'more arguments'],
    [['verify', '+14045550123', '--loud'], "Unknown option '--loud'"],
    [['verify', '+14045550123', '--code-length', 'six'], '--code-length is a whole number.'],
    [['verify', '+14045550123', '--workflow', 'sms;call'], '--workflow is a list of steps'],
    [['watch'], 'ID is missing.'],
    [['list', 'all'], 'more arguments'],
    [['list', '--limit', 'few'], '--limit'],
    [['list', '--number', '+14045550123', '--reference', 'a'], 'do not go together'],
    [['callbacks', 'replay'], 'CALLBACK is missing.'],
  ] as const)('refuses %j', async ([args, why]) => {
    const { code, stdout, stderr } = await runCli(args, { RINGBACK_API_KEY: API_KEY });

    expect(stderr).toContain(why);
    expect(stderr).toContain('`ringback help` tells what there is.');
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('ends with 7 when the API refuses, with the code of its problem', async ({ service }) => {
    const locked = await runCli(['list', '--json'], {
      ...accessTo(service),
      RINGBACK_API_KEY: 'a-key-that-nobody-knows',
    });
    const to = freshNumber();
    await service.submit({ to });
    const twice = await runCli(['verify', to], accessTo(service));

    expect(JSON.parse(locked.stderr)).toEqual({ error: { code: 'unauthorized', message: expect.any(String) } });
    expect(locked.stderr).not.toContain('a-key-that-nobody-knows');
    expect(locked).toMatchObject({ code: 7, stdout: '' });
    expect(twice.stderr).toContain('409 verification-active');
    expect(twice.code).toBe(7);
  });

  it('ends with 8 when the API is not there', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));

    for (const args of [['list'], ['verify', '+14045550123'], ['watch', 'ver_1']]) {
      const { code, stderr } = await runCli(args, {
        RINGBACK_URL: `http://127.0.0.1:${port}`,
        RINGBACK_API_KEY: API_KEY,
      });
      expect(stderr).toContain('not reached');
      expect(code).toBe(8);
    }
  });
});

describe('the API key', () => {
  it('comes from a file', async ({ service }) => {
    const file = path.join(ownFolder(), 'key');
    writeFileSync(file, `${API_KEY}\n`);

    const { code } = await runCli(['list', '--api-key-file', file], { RINGBACK_URL: service.url });

    expect(code).toBe(0);
  });

  it('is that of the service when there is one in the environment', async ({ service }) => {
    const { code } = await runCli(['list'], {
      PORT: new URL(service.url).port,
      API_KEYS: service.env['API_KEYS'] ?? '',
    });

    expect(code).toBe(0);
  });

  it('and the address are those of the service that npm start runs', async ({ service }) => {
    const folder = ownFolder();
    const secrets = { ...makeDevelopmentSecrets(), API_KEYS: `dev:${API_KEY}` };
    writeFileSync(path.join(folder, 'development.json'), JSON.stringify(secrets));
    const lock = acquireLock(path.join(folder, 'start.lock'));
    onTestFinished(lock.release);
    lock.note({ url: service.url, redisUrl: service.env['REDIS_URL'], sandboxUrl: service.sandbox.url });

    const { code } = await runCli(['list'], { RINGBACK_DATA_DIR: folder });

    expect(code).toBe(0);
  });

  it('is not sent to another machine unless it was given for it', async () => {
    const { code, stderr } = await runCli(['list'], {
      RINGBACK_URL: 'http://ringback.example',
      API_KEYS: `dev:${API_KEY}`,
    });

    expect(stderr).toContain('There is no API key. Set RINGBACK_API_KEY');
    expect(code).toBe(2);
  });

  it.for([
    [{}, ['--api-key-file', '/no/such/file'], 'The API key file cannot be read: ENOENT.'],
    [{ RINGBACK_API_KEY: 'two words' }, [], 'The API key holds what no API key may.'],
    [{ RINGBACK_API_KEY: API_KEY, RINGBACK_URL: 'ringback:3000' }, [], 'RINGBACK_URL is no http or https URL.'],
  ] as const)('is refused: %j %j', async ([env, args, why]) => {
    const { code, stderr } = await runCli(['list', ...args], env);

    expect(stderr).toContain(why);
    expect(stderr).not.toContain('two words');
    expect(code).toBe(2);
  });
});
