import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { VerificationView } from '../src/shared/verification-view.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Packages are installed and a Redis is fetched: minutes on a slow line. */
const LIMIT_MS = 150_000;
const onLinux = process.platform === 'linux';

let work: string;
let clone: string;
let env: NodeJS.ProcessEnv;

/** What a clone holds of this work tree, and a machine that has no Redis, no cache and no packages. */
beforeAll(() => {
  work = mkdtempSync(path.join(tmpdir(), 'ringback-fresh-clone-'));
  clone = path.join(work, 'clone');
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const files = execFileSync('git', list, { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean);
  for (const file of files) cpSync(path.join(ROOT, file), path.join(clone, file));

  const bin = path.join(work, 'bin');
  mkdirSync(bin);
  const directories = (process.env['PATH'] ?? '').split(':').filter((dir) => dir && !dir.includes('node_modules'));
  const known = new Set<string>();
  for (const dir of directories) {
    for (const name of listFiles(dir)) {
      if (known.has(name) || /^(redis|valkey)-|^docker$/.test(name)) continue;
      known.add(name);
      symlinkSync(path.join(dir, name), path.join(bin, name));
    }
  }
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NODE_|REDIS_URL|TEST_)/.test(name));
  env = { ...Object.fromEntries(kept), PATH: bin, XDG_CACHE_HOME: path.join(work, 'cache') };
}, LIMIT_MS);

afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

describe.runIf(onLinux)('on a machine without Redis and without packages', () => {
  it(
    'npm start brings up everything, one verification runs through, and Ctrl-C leaves nothing behind',
    async () => {
      const start = run(['start'], { PORT: '0', SANDBOX_PORT: '0' });
      const output = await start.untilItSays('Ctrl-C stops everything');
      const api = find(output, /API +(http\S+)\/v1/);
      const phone = find(output, /Phone +(http\S+)/);
      const key = find(output, /API key +(\S+)/);
      const redis = Number(find(output, /Redis +redis:\/\/127\.0\.0\.1:(\d+)/));
      expect(output).toContain('private copy');

      const call = async <T>(route: string, body?: unknown) => {
        const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
        const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
        return (await (await fetch(api + route, { headers, ...init })).json()) as T;
      };
      const { id } = await call<VerificationView>('/v1/verifications', { to: '+14045550123' });
      await expect.poll(async () => (await call<VerificationView>(`/v1/verifications/${id}`)).status).toBe('pending');
      const [message] = (await (await fetch(`${phone}/messages`)).json()) as { code: string }[];
      const checked = await call<{ approved: boolean }>(`/v1/verifications/${id}/checks`, { code: message?.code });
      expect(checked.approved).toBe(true);
      expect((await fetch(`${api}/demo/`)).status).toBe(200);
      expect((await fetch(`${api}/admin/queues`)).status).toBe(401);

      start.child.kill('SIGINT');
      expect(await start.exited).toBe(0);
      for (const url of [api, phone, `http://127.0.0.1:${redis}`]) await expect(fetch(url)).rejects.toThrow();
    },
    LIMIT_MS,
  );

  it(
    'npm test sets itself up and passes',
    async () => {
      const test = run(['test', '--', 'test/worker/fallback.test.ts', 'test/shared/duration.test.ts']);

      expect([await test.exited, test.output()]).toEqual([0, expect.stringMatching(/Test Files .*2 passed/)]);
    },
    LIMIT_MS,
  );
});

function run(args: string[], extra: Record<string, string> = {}) {
  const child: ChildProcess = spawn('npm', args, {
    cwd: clone,
    env: { ...env, ...extra, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const noticed = new EventEmitter();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      noticed.emit('more');
    });
  }
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const untilItSays = async (text: string) => {
    while (!output.includes(text)) {
      const ended = await Promise.race([once(noticed, 'more').then(() => false), exited.then(() => true)]);
      if (ended && !output.includes(text)) throw new Error(`it ended: ${output}`);
    }
    return output;
  };
  onTestFinished(() => void child.kill('SIGTERM'));
  return { child, exited, untilItSays, output: () => output };
}

function find(text: string, pattern: RegExp): string {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`no ${pattern} in: ${text}`);
  return found;
}

function listFiles(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // PATH may name folders that are not there
  }
}
