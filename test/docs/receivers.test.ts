import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished } from 'vitest';
import { signCallback } from '../../src/shared/callback-signature.ts';
import { it } from '../fixtures.ts';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const doc = readFileSync(path.join(DOCS, 'callbacks.md'), 'utf8');
const fileOf = (name: string) => path.join(DOCS, 'receivers', name);

/** The first fenced block of a language that follows a text. */
function fencedBlock(language: string, after = ''): string {
  const start = doc.indexOf(after);
  const [, block] = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'm').exec(doc.slice(start)) ?? [];
  if (start === -1 || block === undefined) throw new Error(`callbacks.md has no ${language} after ${after}`);
  return block;
}

// The delivery that the document shows, as it came.
const body = JSON.stringify(JSON.parse(fencedBlock('json')));
const shownHeader = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(doc)?.[1] ?? '';

describe('the delivery that the document shows', () => {
  it('is signed with the secret that it names', () => {
    const [secret = ''] = /whsec_[\w+/=]{32,}/.exec(doc) ?? [];
    const id = shownHeader('webhook-id');
    const timestampSeconds = Number(shownHeader('webhook-timestamp'));

    expect(Buffer.byteLength(body)).toBe(Number(shownHeader('content-length')));
    expect(signCallback({ secrets: [secret], id, timestampSeconds, body })).toBe(shownHeader('webhook-signature'));
  });

  it('has the members that callbacks have today', async ({ service }) => {
    const { id } = await service.submit({ to: '+12125550101', reference: 'login-8812', metadata: { user: '42' } });

    const today = await service.receiver.event('verification.fallback', id);

    expect(outline(JSON.parse(body))).toEqual(outline(today.body));
    expect(Object.keys(today.headers)).toEqual(
      expect.arrayContaining(['content-type', 'user-agent', 'webhook-id', 'webhook-timestamp', 'webhook-signature']),
    );
  });
});

/** What stays the same from event to event: the names of all members, and the kinds of their values. */
function outline(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(outline);
  if (value === null || typeof value !== 'object') return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, outline(member)]));
}

interface Receiver {
  file: string;
  /** Of its block in the document. */
  language: string;
  /** The program that it needs, and how to ask whether that works; none is what these tests run on. */
  needs?: [program: string, question: string];
  command: (file: string) => string[];
}

const RECEIVERS: Receiver[] = [
  { file: 'node-standardwebhooks.mjs', language: 'js', command: (file) => [process.execPath, file] },
  { file: 'node.mjs', language: 'js', command: (file) => [process.execPath, file] },
  { file: 'python.py', language: 'python', needs: ['python3', '--version'], command: (file) => ['python3', file] },
  { file: 'ruby.rb', language: 'ruby', needs: ['ruby', '--version'], command: (file) => ['ruby', file] },
  { file: 'go/main.go', language: 'go', needs: ['go', 'version'], command: build },
];

const GO = ['go', 'build', '-o'] as const;
let goProgram: string | undefined;

/** Go is compiled once: that takes longer than all the rest. */
function build(file: string): string[] {
  if (goProgram !== undefined) return [goProgram];
  const folder = mkdtempSync(path.join(tmpdir(), 'ringback-receiver-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = path.join(folder, 'receiver');
  const [go, ...args] = GO;
  const { status, stderr } = spawnSync(go, [...args, program, file], {
    encoding: 'utf8',
    env: { ...process.env, GOTOOLCHAIN: 'local' }, // none other is downloaded
  });
  if (status !== 0) throw new Error(`go build failed: ${stderr}`);
  goProgram = program;
  return [program];
}

const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const SECRET = secretOf(0xfb); // whose base64 has a slash
const OTHER_SECRET = secretOf(2);

function sign({ secrets = [SECRET], ageSeconds = 0, content = body } = {}) {
  const timestampSeconds = Math.floor(Date.now() / 1000) - ageSeconds;
  return {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': signCallback({ secrets, id: 'evt_1', timestampSeconds, body: content }),
  };
}

describe.each(RECEIVERS)('receivers/$file', ({ file, language, needs, command }) => {
  const found = needs === undefined || spawnSync(needs[0], [needs[1]]).status === 0;
  const itRuns = (title: string, test: () => void) =>
    found ? it(title, test, 120_000) : it.skip(`${title} (needs ${needs?.[0]})`, () => {});

  /** Runs it on one callback. */
  function check(callback: { headers: Record<string, string>; body?: string }, secret = SECRET) {
    const [program = '', ...args] = command(fileOf(file));
    const { status, stdout, stderr } = spawnSync(program, args, {
      input: JSON.stringify({ body, ...callback }),
      env: { ...process.env, CALLBACK_SECRET: secret },
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    return { status, said: stdout.trim() };
  }

  const valid = { status: 0, said: 'valid: verification.fallback of 2026-11-23T03:42:23.759Z' };
  const invalid = { status: 1, said: expect.stringMatching(/^invalid: ./) };

  it('is what the document quotes', () => {
    expect(fencedBlock(language, `[\`receivers/${file}\`](receivers/${file})`)).toBe(
      readFileSync(fileOf(file), 'utf8'),
    );
  });

  itRuns('accepts what Ringback signs', () => {
    expect(check({ headers: sign() })).toEqual(valid);
    expect(check({ headers: sign({ ageSeconds: 240 }) })).toEqual(valid);
  });

  itRuns('accepts either of two signatures', () => {
    const headers = sign({ secrets: [OTHER_SECRET, SECRET] });

    expect(check({ headers })).toEqual(valid);
    expect(check({ headers }, OTHER_SECRET)).toEqual(valid);
  });

  itRuns('refuses a changed body, also one that only was written anew', () => {
    expect(check({ headers: sign(), body: body.replace('"queued"', '"approved"') })).toEqual(invalid);
    expect(check({ headers: sign(), body: JSON.stringify(JSON.parse(body), null, 1) })).toEqual(invalid);
  });

  itRuns('refuses a signature by another secret, or for another event', () => {
    expect(check({ headers: sign({ secrets: [OTHER_SECRET] }) })).toEqual(invalid);
    expect(check({ headers: { ...sign(), 'webhook-id': 'evt_2' } })).toEqual(invalid);
    expect(check({ headers: { ...sign(), 'webhook-signature': 'v1, v1,ü x v1a,AAAA' } })).toEqual(invalid);
  });

  itRuns('refuses a timestamp of long ago, or of the future', () => {
    expect(check({ headers: sign({ ageSeconds: 400 }) })).toEqual(invalid);
    expect(check({ headers: sign({ ageSeconds: -400 }) })).toEqual(invalid);
  });

  itRuns('refuses a request without a signature', () => {
    const { 'webhook-signature': _, ...headers } = sign();

    expect(check({ headers })).toEqual(invalid);
  });

  itRuns('refuses everything without a secret, even what is signed with an empty one', () => {
    expect(check({ headers: sign({ secrets: ['whsec_'] }) }, '')).toEqual(invalid);
    expect(check({ headers: sign({ secrets: ['whsec_'] }) }, 'whsec_')).toEqual(invalid);
  });
});

describe('the SQL of the document', () => {
  it('drops repeats, keeps the newest state and finds the gaps', () => {
    const database = new DatabaseSync(':memory:');
    onTestFinished(() => database.close());
    const [createEvents, createVerifications, insertEvent, upsert, gaps] = fencedBlock('sql')
      .split(';')
      .filter((statement) => statement.trim() !== '')
      .map((statement) => statement.replaceAll('$', '?')) as [string, string, string, string, string];
    database.exec(createEvents);
    database.exec(createVerifications);
    const receive = (webhookId: string, sequence: number, status: string) => {
      const stored = database.prepare(insertEvent).run(webhookId, 'ver_1', sequence, '{}').changes === 1;
      return stored && database.prepare(upsert).run('ver_1', sequence, status).changes === 1;
    };
    const state = () => ({ ...database.prepare('select * from ringback_verifications').get() });

    expect(receive('evt_a', 1, 'queued')).toBe(true);
    expect(receive('evt_c', 3, 'approved')).toBe(true);
    expect(database.prepare(gaps).all()).toHaveLength(1);
    expect(receive('evt_b', 2, 'pending')).toBe(false);
    expect(receive('evt_c', 3, 'approved')).toBe(false);

    expect(state()).toEqual({ id: 'ver_1', sequence: 3, status: 'approved' });
    expect(database.prepare(gaps).all()).toEqual([]);
  });
});
