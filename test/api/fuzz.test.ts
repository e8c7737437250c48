import { readFileSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, CALLBACK_SECRET, OTHER_API_KEY, type Service, startService } from '../fixtures.ts';
import { createOpenApiValidator } from '../openapi-validator.ts';
import { FICTION, type Noise, noise, type Plan, plansOf } from './fuzz-arbitraries.ts';

/** The same requests every time; `npm run fuzz -- --requests 10000 --seed 7` makes them more, and others. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 600);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
/** Not a bound that is asserted: how long the whole run may take before it counts as hanging. */
const PATIENCE_MS = 60_000 + REQUESTS * 200;
const ADMIN = { name: 'ops', password: 'the-password-of-the-board' };

const document = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'));
const validator = createOpenApiValidator(document);
const TEMPLATES = Object.keys(document.paths)
  .sort((a, b) => Number(a.includes('{')) - Number(b.includes('{'))) // the literal one goes before the pattern
  .map((path) => ({ path, pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`) }));

/** What addresses outside the document answer. */
const OTHER_STATUSES = [200, 202, 204, 301, 302, 303, 304, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 431];
/** What tells about our insides. */
const INSIDES =
  /node_modules|\bat [^ "]+ \(|\.ts:\d+|file:\/\/|\/(?:work|home|root|usr|tmp)\/|ReplyError|(?:Type|Range|Syntax)Error\b|ioredis/;

/** The number that documents and refusals show as an example. */
const EXAMPLE = '4045550123';

interface Got {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const statuses = new Map<number, number>();
const count = (status: number) => statuses.set(status, (statuses.get(status) ?? 0) + 1);
/** Ids that answers have named, by their kind; and the numbers that requests have named, as digits. */
const known = { verification: [] as string[], endpoint: [] as string[], callback: [] as string[] };
const submitted = new Set<string>();
/** What no answer may hold: secrets, and what belongs to another key. */
const secrets = [
  API_KEY,
  OTHER_API_KEY,
  CALLBACK_SECRET.slice('whsec_'.length),
  ADMIN.password,
  '12125557701',
  'of-another-key',
];
const prototype = Object.getOwnPropertyNames(Object.prototype).length;
let service: Service;
let readLines = 0;

beforeAll(async () => {
  service = await startService({ demo: true, env: { ADMIN_USER: ADMIN.name, ADMIN_PASSWORD: ADMIN.password } });
  const submission = { to: '+12125557701', reference: 'of-another-key' };
  const { body } = await service.call('POST', '/v1/verifications', submission, {
    authorization: `Bearer ${OTHER_API_KEY}`,
  });
  secrets.push(String(body['id']));
});

afterAll(async () => {
  agent.destroy();
  await service.close();
});

function pathOf(plan: Plan): string {
  const kind = plan.path.startsWith('/v1/callback-endpoints')
    ? known.endpoint
    : plan.path.startsWith('/v1/callbacks')
      ? known.callback
      : known.verification;
  const id = 'odd' in plan.id ? plan.id.odd : (kind[plan.id.known % Math.max(1, kind.length)] ?? 'none-yet');
  return plan.path.replaceAll('{id}', id) + (plan.query === '' ? '' : `?${plan.query}`);
}

function send(plan: Plan, path: string): Promise<Got> {
  const headers = {
    authorization: path.startsWith('/admin') ? `Basic ${btoa(`${ADMIN.name}:${ADMIN.password}`)}` : `Bearer ${API_KEY}`,
    ...(plan.body && { 'content-type': 'application/json', 'content-length': String(plan.body.length) }),
    ...plan.headers,
  };
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: service.api.port, method: plan.method, path, headers, agent };
    const sent = request(options, (response) => {
      const parts: Buffer[] = [];
      const done = () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      };
      response.on('error', reject);
      response.on('end', done);
      response.on('data', (part: Buffer) => {
        parts.push(part);
        // a stream goes on; its beginning will do
        if (response.headers['content-type']?.startsWith('text/event-stream')) {
          done();
          sent.destroy();
        }
      });
    });
    sent.on('error', reject);
    sent.end(plan.body);
  });
}

/** Everything that any answer has to keep to. */
function judge(plan: Plan, path: string, { status, headers, text }: Got): void {
  const type = headers['content-type'];
  // numbers for trouble make the sandbox fail; that is told, and nothing else may be
  if (status >= 500) expect(text).toMatch(/"code":"(provider-unavailable|check-inconclusive)"/);
  expect(headers['x-request-id']).toMatch(/^[\w.-]{1,128}$/);
  expect(headers['x-content-type-options']).toBe('nosniff');
  judgeText(JSON.stringify(headers) + text, plan, path);

  const isJson = text !== '' && /^application\/(problem\+)?json\b/.test(type ?? '');
  const body: unknown = isJson ? JSON.parse(text) : text === '' ? undefined : text;
  if (status >= 400 && plan.method !== 'HEAD' && !path.startsWith('/admin')) {
    expect(type).toMatch(/^application\/problem\+json/);
    const { code, title, detail, errors } = body as Record<string, unknown>;
    expect(body).toMatchObject({ type: `/problems/${code}`, status, request_id: headers['x-request-id'] });
    for (const words of [code, title, detail]) expect(words).toMatch(/\w/);
    if (code === 'invalid-request') expect(errors).not.toHaveLength(0);
  }

  const template = TEMPLATES.find(({ pattern }) => pattern.test(path.split('?', 1).join('')))?.path;
  if (template !== undefined && plan.method.toLowerCase() in document.paths[template]) {
    const operation = { path: template, method: plan.method };
    expect(validator.checkResponse({ ...operation, status, body, ...(type && { contentType: type }) })).toEqual([]);
  } else {
    expect(OTHER_STATUSES).toContain(status);
  }
}

/** Nothing of ours or of others, and no number that the request did not name; one's own verification shows its own. */
function judgeText(text: string, plan: Plan | Noise, path = ''): void {
  expect(text).not.toMatch(INSIDES);
  for (const secret of secrets) expect(text).not.toContain(secret);
  if (/^\/(docs|problems|openapi|demo(?!\/api))/.test(path)) return; // pages with examples
  const sent =
    'pieces' in plan
      ? Buffer.concat(plan.pieces).toString()
      : `${path.replaceAll('%20', ' ')} ${JSON.stringify(plan.headers)} ${plan.body}`;
  const showsNumbers = /^\/(v1|demo\/api)\/verifications(?!\/[^/]*\/(callbacks|timeline))/i.test(path);
  const named = new Set(numbersIn(sent));
  const foreign = numbersIn(text).filter((number) => !named.has(number) && !(showsNumbers && submitted.has(number)));
  expect(foreign, 'numbers of others').toEqual([]);
}

/** The numbers of {@link FICTION} in a text, whatever stands between their digits; without their country code. */
function numbersIn(text: string): string[] {
  const digits = text.replaceAll(/(?<=\d)[\s().-]+(?=\d)/g, '');
  return [...digits.matchAll(FICTION)].map(([number]) => number.slice(-10)).filter((number) => number !== EXAMPLE);
}

function judgeSurroundings(): void {
  const lines = service.logged.slice(readLines).join('');
  readLines = service.logged.length;
  expect(numbersIn(lines), 'numbers in the log').toEqual([]);
  expect(lines).not.toContain('unexpected error');
  for (const secret of secrets.slice(0, 5)) expect(lines).not.toContain(secret);
  expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(prototype);
}

function remember(plan: Plan, { status, text }: Got): void {
  if (status >= 300) return;
  for (const number of numbersIn(String(plan.body))) submitted.add(number);
  for (const [name, pattern] of [
    ['verification', /ver_[0-9a-f]{34}/g],
    ['callback', /\bcb_[0-9a-f]{34}/g],
    ['endpoint', /"id":"(?!ver_|cb_|att_|evt_|tl_)(\w+)"/g],
  ] as const) {
    for (const [whole, inner] of text.matchAll(pattern)) {
      const id = inner ?? whole;
      if (!known[name].includes(id) && known[name].length < 300) known[name].push(id);
    }
  }
}

/** Says it all on a connection of its own, hangs up, and takes what comes. */
function shout({ pieces }: Noise): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(service.api.port, '127.0.0.1');
    let text = '';
    socket.on('data', (part) => {
      text += part.toString();
    });
    socket.on('error', () => {}); // it may well be reset
    socket.on('close', () => resolve(text));
    for (const piece of pieces) socket.write(piece);
    socket.end();
  });
}

function judgeShouted(plan: Noise, text: string): void {
  judgeText(text, plan);
  expect(text).toMatch(/^$|^HTTP\/1\.1 \d{3} /);
  for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
    count(Number(status));
    expect([100, 200, 202, 400, 401, 404, 408, 409, 413, 415, 422, 431]).toContain(Number(status));
  }
}

describe('whatever is sent', () => {
  it(
    'is answered as documented, and tells nobody about us or others',
    async () => {
      const plans = fc.oneof(
        { weight: 12, arbitrary: plansOf(document) },
        { weight: 1, arbitrary: noise(`Bearer ${API_KEY}`) },
      );
      const startedAt = performance.now();
      await fc.assert(
        fc.asyncProperty(plans, async (plan) => {
          if ('pieces' in plan) {
            judgeShouted(plan, await shout(plan));
          } else {
            const path = pathOf(plan);
            const got = await send(plan, path);
            count(got.status);
            remember(plan, got);
            try {
              judge(plan, path, got);
            } catch (cause) {
              throw new Error(`${plan.method} ${path} ${JSON.stringify(plan.headers)} ${plan.body}`, { cause });
            }
          }
          judgeSurroundings();
        }),
        // what came before matters: a smaller case would meet another service
        { numRuns: REQUESTS, seed: SEED, endOnFailure: true },
      );
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${status}: ${times}`);
      process.stdout.write(`fuzz: ${REQUESTS} requests, seed ${SEED}, ${seconds} s; ${counts.join(', ')}\n`);

      expect((await service.call('GET', '/livez')).status).toBe(200);
      expect((await service.call('POST', '/v1/verifications', { to: '+12125557702' })).status).toBe(202);

      // it met the good answers and the refusals, or it would prove nothing
      const met = [...statuses.keys()];
      expect(met).toEqual(expect.arrayContaining([200, 201, 202, 204, 400, 401, 404, 410, 413, 415, 422, 431]));
      for (const ids of Object.values(known)) expect(ids).not.toHaveLength(0);
    },
    PATIENCE_MS,
  );
});
