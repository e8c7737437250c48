import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { signCallback } from '../../src/shared/callback-signature.ts';

const LISTEN = fileURLToPath(new URL('../../scripts/listen.mjs', import.meta.url));
const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const SECRET = secretOf(1);

/** Starts `npm run listen` on a free port of its own. Its first secret is set to be sure of it, whatever .env says. */
async function startListener(args: string[] = [], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [LISTEN, '--port', '0', ...args], {
    env: { ...process.env, CALLBACK_SECRET: SECRET, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (output.stdout += chunk));
  child.stderr.on('data', (chunk) => (output.stderr += chunk));
  await expect.poll(() => output.stdout + output.stderr).toContain('Signatures are checked');
  const [url = ''] = /http:\S+/.exec(output.stdout + output.stderr) ?? [];
  return { url, child, output };
}

interface Sent {
  id: string;
  sequence?: number;
  type?: string;
  body?: string;
  secrets?: string[];
  ageSeconds?: number;
  /** Changes what was signed. */
  tamper?: (body: string) => string;
}

function bodyOf(sequence: number, type: string): string {
  const attempt = { channel: 'sms', status: 'failed', trigger: 'timeout', error: { code: 'refused' } };
  const verification = { id: 'ver_1', status: 'pending', reason: null };
  return JSON.stringify({ type, timestamp: '2026-11-23T00:00:00Z', data: { sequence, verification, attempt } });
}

/** @returns the status of the answer */
async function deliver(url: string, sent: Sent): Promise<number> {
  const { id, sequence = 1, type = 'verification.attempt.failed', secrets = [SECRET], ageSeconds = 0 } = sent;
  const { body = bodyOf(sequence, type), tamper = (same) => same } = sent;
  const timestampSeconds = Math.floor(Date.now() / 1000) - ageSeconds;
  const answer = await fetch(url, {
    method: 'POST',
    body: tamper(body),
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestampSeconds),
      'webhook-signature': signCallback({ secrets, id, timestampSeconds, body }),
    },
  });
  return answer.status;
}

/** Its lines about deliveries, without the time of day. */
const linesOf = (output: string) => [...output.matchAll(/^\d\d:\d\d:\d\d {2}(.*)$/gm)].map(([, line]) => line?.trim());

async function end(child: ChildProcess): Promise<unknown> {
  const exited = once(child, 'exit');
  child.kill('SIGINT');
  return (await exited)[0];
}

describe('npm run listen', () => {
  it('prints an event in one line, and accepts it', async () => {
    const { url, output } = await startListener();

    expect(await deliver(url, { id: 'evt_1' })).toBe(204);

    await expect.poll(() => linesOf(output.stdout)).toHaveLength(1);
    expect(linesOf(output.stdout)).toEqual([
      '#1  verification.attempt.failed   ver_1  pending  sms failed after timeout: refused',
    ]);
    expect(output.stdout).toContain(`"callback_url":"${url}"`);
    expect(output.stdout).not.toContain('\x1b'); // no terminal, no colours
  });

  it('marks repeats, gaps and what comes late, and sums up at the end', async () => {
    const { url, child, output } = await startListener();

    await deliver(url, { id: 'evt_1', sequence: 1 });
    await deliver(url, { id: 'evt_1', sequence: 1 });
    await deliver(url, { id: 'evt_4', sequence: 4 });
    await deliver(url, { id: 'evt_3', sequence: 3 });
    await deliver(url, { id: 'evt_3', sequence: 3, type: 'verification.expired' });
    expect(await end(child)).toBe(0);

    const notes = linesOf(output.stdout).map((line) => /\(.*\)/.exec(line ?? '')?.[0]);
    expect(notes).toEqual([
      undefined,
      '(repeat: delivery 2 of evt_1)',
      '(gap: #2 #3 not here yet)',
      '(late)',
      '(repeat: delivery 2 of evt_3, WITH ANOTHER BODY)',
    ]);
    expect(output.stdout).toContain('3 events in 5 deliveries, 0 invalid\nver_1: #2 never came');
  });

  it('says why a delivery is invalid, refuses it and shows nothing of it', async () => {
    const { url, output } = await startListener();

    expect(await deliver(url, { id: 'evt_1', tamper: (body) => body.replace('ver_1', 'ver_2') })).toBe(401);
    expect(await deliver(url, { id: 'evt_2', secrets: [secretOf(2)] })).toBe(401);
    expect(await deliver(url, { id: 'evt_3', ageSeconds: 3_600 })).toBe(401);
    expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);

    await expect.poll(() => linesOf(output.stdout)).toHaveLength(4);
    expect(linesOf(output.stdout)).toEqual([
      'INVALID  no signature matches; answered 401',
      'INVALID  no signature matches; answered 401',
      expect.stringMatching(/^INVALID {2}the timestamp is 360\d s old; answered 401$/),
      'INVALID  a webhook header is missing; answered 401',
    ]);
  });

  it('accepts what any of several secrets has signed', async () => {
    const { url } = await startListener([], { CALLBACK_SECRET: `${secretOf(3)}, ${SECRET}` });

    expect(await deliver(url, { id: 'evt_1' })).toBe(204);
    expect(await deliver(url, { id: 'evt_2', secrets: [secretOf(3)] })).toBe(204);
  });

  it('answers the first deliveries with 500 on request', async () => {
    const { url, output } = await startListener(['--fail', '2']);

    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push(await deliver(url, { id: 'evt_1' }));

    expect(statuses).toEqual([500, 500, 204]);
    await expect.poll(() => output.stdout).toContain('(repeat: delivery 2 of evt_1; answered 500 on purpose, 2 of 2)');
  });

  it('prints the bodies as they came, and nothing else, as JSON', async () => {
    const { url, child, output } = await startListener(['--json']);
    const test = '{"type":"callback_endpoint.test","data":{"callback_endpoint":{"description":"•"}}}';

    await deliver(url, { id: 'evt_1', sequence: 2 });
    await deliver(url, { id: 'evt_2', body: test });
    await deliver(url, { id: 'evt_3', secrets: [secretOf(2)] });
    await end(child);

    expect(output.stdout).toBe(`${bodyOf(2, 'verification.attempt.failed')}\n${test}\n`);
    expect(output.stderr).toContain('(gap: #1 not here yet)');
    expect(output.stderr).toContain('INVALID');
  });

  it('finds the secret that npm start has made, also when it is started before', async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'ringback-listen-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true }));
    const { url, output } = await startListener([], { CALLBACK_SECRET: '', RINGBACK_DATA_DIR: dataDir });

    expect(await deliver(url, { id: 'evt_1' })).toBe(401);
    writeFileSync(path.join(dataDir, 'development.json'), JSON.stringify({ CALLBACK_SECRET: SECRET }));
    expect(await deliver(url, { id: 'evt_1' })).toBe(204);

    expect(output.stdout).toContain('INVALID  there is no CALLBACK_SECRET to check it with');
  });

  it.each([
    [['--port', 'http'], '--port is a number from 0 to 65535'],
    [['--fail', '-1'], '--fail'],
    [['--loud'], "Unknown option '--loud'"],
  ])('refuses %j', async (args, why) => {
    const child = spawn(process.execPath, [LISTEN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });

    const [errors, [exitCode]] = await Promise.all([text(child.stderr), once(child, 'exit')]);

    expect(exitCode).toBe(2);
    expect(errors).toContain(why);
    expect(errors).toContain('npm run listen -- ');
  });
});
