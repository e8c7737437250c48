import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { describe, expect } from 'vitest';
import { readServerSentEvents } from '../../src/shared/server-sent-events.ts';
import type { VerificationView } from '../../src/shared/verification-view.ts';
import { it as base, freshNumber, type Service, startService } from '../fixtures.ts';

const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' };

const it = base.extend<{ service: Service }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
  service: async ({}, use) => {
    const service = await startService({ demo: true });
    await use(service);
    await service.close();
  },
});

/** What the demo's own page sends: JSON from the same origin, and no API key. */
async function ask<T = VerificationView>(
  service: Service,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = SAME_ORIGIN,
) {
  const response = await fetch(`${service.url}/demo/api/${path}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

async function start(service: Service, channel: 'sms' | 'call' = 'sms', to = freshNumber()) {
  const { status, body } = await ask(service, 'POST', 'verifications', { to, channel });
  expect(status).toBe(202);
  return body;
}

describe('the files of the demo', () => {
  it('are a page that may load nothing but its own files', async ({ service }) => {
    const page = await fetch(`${service.url}/demo`);

    expect(page.url).toBe(`${service.url}/demo/`);
    expect(page.headers.get('content-type')).toMatch('text/html');
    expect(page.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
    expect(page.headers.get('permissions-policy')).toBe('otp-credentials=(self)');
    expect(page.headers.get('vary')).toMatch(/accept-language, cookie/i);
    expect(await page.text()).toContain('<noscript>');
  });

  it('are nothing else of the service', async ({ service }) => {
    for (const path of ['/demo/..%2fdemo.ts', '/demo/..%2f..%2f..%2fpackage.json', '/demo/demo.ts']) {
      expect((await fetch(service.url + path)).status).toBe(404);
    }
  });

  base('are not there unless the demo is on', async ({ service }) => {
    expect((await fetch(`${service.url}/demo/`)).status).toBe(404);
    expect((await ask(service, 'POST', 'verifications', { to: freshNumber(), channel: 'sms' })).status).toBe(404);
  });
});

describe('the language of the page', () => {
  const languageOf = async (service: Service, headers: Record<string, string>) => {
    const html = await (await fetch(`${service.url}/demo/`, { headers })).text();
    return /<html lang="(\w+)">/.exec(html)?.[1];
  };

  it.for([
    ['the browser’s', { 'accept-language': 'de-AT,de;q=0.9,en;q=0.5' }, 'de'],
    ['English where the browser’s is not there', { 'accept-language': 'fi' }, 'en'],
    ['English for those who say nothing', {}, 'en'],
    ['the one that was chosen before', { 'accept-language': 'de', cookie: 'a=b; ringback-language=en' }, 'en'],
    ['not what somebody made up', { cookie: 'ringback-language=xx' }, 'en'],
  ] as const)('is %s', async ([, headers, language], { service }) => {
    expect(await languageOf(service, headers)).toBe(language);
  });

  it('is kept when it is chosen, and leaves the address', async ({ service }) => {
    const chosen = await fetch(`${service.url}/demo/?lang=de`, { redirect: 'manual' });

    expect(chosen.status).toBe(303);
    expect(chosen.headers.get('location')).toBe('/demo/');
    expect(chosen.headers.get('set-cookie')).toMatch(
      /^ringback-language=de; Path=\/; Max-Age=\d+; SameSite=Lax; HttpOnly$/,
    );
  });

  it('leaves no placeholder in the page', async ({ service }) => {
    for (const language of ['en', 'de']) {
      const html = await (await fetch(`${service.url}/demo/`, { headers: { 'accept-language': language } })).text();
      expect(html).not.toMatch(/[{}]{2}/);
    }
  });
});

describe('the routes of the demo', () => {
  it('text first and call later, when a text is chosen', async ({ service }) => {
    const view = await start(service, 'sms');

    expect(view).toMatchObject({
      object: 'verification',
      status: 'queued',
      workflow: [{ channel: 'sms', timeout: 20 }, { channel: 'call' }],
      checks: { used: 0, max: 5 },
    });
    expect(await service.sandbox.nextMessage(view.to)).toMatchObject({ channel: 'sms' });
  });

  it('only call, when voice is chosen', async ({ service }) => {
    const view = await start(service, 'call');

    expect(view.workflow).toEqual([{ channel: 'call' }]);
    expect(await service.sandbox.nextMessage(view.to)).toMatchObject({ channel: 'call' });
  });

  it('take a number as people of its country write it', async ({ service }) => {
    const submit = (to: string, country: string) =>
      ask(service, 'POST', 'verifications', { to, country, channel: 'sms' });

    expect((await submit('(404) 555-0123', 'US')).body.to).toBe('+14045550123');
    expect((await submit('07700 900123', 'GB')).body.to).toBe('+447700900123');
    expect((await submit('+1 404 555 0124', 'GB')).body.to).toBe('+14045550124');
    expect((await submit('12', 'US')).status).toBe(422);
    expect((await submit('+14045550125', 'XX')).body.to).toBe('+14045550125');
  });

  it('check codes as the API does', async ({ service }) => {
    const { id, to } = await start(service);
    const { code } = await service.sandbox.nextMessage(to);
    await service.receiver.event('verification.attempt.sent', id);
    const wrong = code === '000000' ? '000001' : '000000';

    const first = await ask(service, 'POST', `verifications/${id}/checks`, { code: wrong });
    expect(first).toMatchObject({ status: 200, body: { approved: false, checks: { used: 1, max: 5 } } });

    const second = await ask(service, 'POST', `verifications/${id}/checks`, { code });
    expect(second).toMatchObject({ status: 200, body: { approved: true, verification: { id, status: 'approved' } } });
    expect((await ask(service, 'GET', `verifications/${id}`)).body).toMatchObject({ id, status: 'approved' });
  });

  it('send another code over the channel that is asked for', async ({ service }) => {
    const { id, to } = await start(service);
    await service.receiver.event('verification.attempt.sent', id);

    const again = await ask<{ code: string }>(service, 'POST', `verifications/${id}/attempts`, { channel: 'sms' });
    expect(again).toMatchObject({ status: 429, body: { code: 'cooldown' } });
    expect(Number(again.headers.get('retry-after'))).toBeGreaterThan(0);

    const call = await ask(service, 'POST', `verifications/${id}/attempts`, { channel: 'call' });
    expect(call).toMatchObject({ status: 202, body: { id, current_step: 1 } });
    expect(await service.sandbox.nextMessage(to)).toMatchObject({ channel: 'sms' });
    expect(await service.sandbox.nextMessage(to)).toMatchObject({ channel: 'call' });
  });

  it('replace what another page left open for the number', async ({ service }) => {
    const older = await start(service);
    const newer = await start(service, 'call', older.to);

    expect(newer.id).not.toBe(older.id);
    expect((await ask(service, 'GET', `verifications/${older.id}`)).body).toMatchObject({
      status: 'canceled',
      reason: 'replaced',
    });
  });

  it('show nobody else’s verifications, and theirs to no API key', async ({ service }) => {
    const owned = await service.submit({ to: freshNumber() });
    const { id } = await start(service);

    expect((await ask(service, 'GET', `verifications/${owned.id}`)).status).toBe(404);
    expect((await ask(service, 'POST', `verifications/${owned.id}/checks`, { code: '123456' })).status).toBe(404);
    expect((await ask(service, 'POST', `verifications/${owned.id}/attempts`, {})).status).toBe(404);
    expect((await service.call('GET', `/v1/verifications/${id}`)).status).toBe(404);
  });

  it.for([
    ['a number in another form', { to: '(404) 555-0123', channel: 'sms' }, '/to', 'not-e164'],
    ['no number', { channel: 'sms' }, '/to', 'required'],
    ['another channel', { to: '+14045550123', channel: 'whatsapp' }, '/channel', 'invalid-value'],
    ['a field of the API', { to: '+14045550123', channel: 'sms', max_checks: 10 }, '/max_checks', 'unknown-field'],
  ] as const)('refuse %s by a problem', async ([, body, pointer, code], { service }) => {
    const answer = await ask<object>(service, 'POST', 'verifications', body);

    expect(answer.headers.get('content-type')).toMatch('application/problem+json');
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid-request', errors: [{ pointer, code }] } });
  });
});

describe('the guard of the demo', () => {
  it.for([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling domain', { 'sec-fetch-site': 'same-site' }],
    ['an old browser on another site', { origin: 'https://evil.example' }],
    ['a sandboxed frame', { origin: 'null' }],
    ['nowhere that can be told', {}],
    ['a form', { ...SAME_ORIGIN, 'content-type': 'text/plain' }],
  ] as const)('refuses what comes from %s', async ([, headers], { service }) => {
    const { id } = await start(service);

    for (const path of ['verifications', `verifications/${id}/checks`, `verifications/${id}/attempts`]) {
      const answer = await ask<object>(service, 'POST', path, { to: '+14045550123', channel: 'sms' }, headers);
      expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    }
  });

  it('refuses a request without a body', async ({ service }) => {
    const { id } = await start(service);

    expect((await ask(service, 'POST', `verifications/${id}/attempts`)).status).toBe(403);
  });

  it('lets an old browser in by its origin', async ({ service }) => {
    const body = { to: freshNumber(), channel: 'sms' };

    expect((await ask(service, 'POST', 'verifications', body, { origin: service.url })).status).toBe(202);
  });
});

describe('the troubles of the demo', () => {
  const NONE = { text_lost: false, provider_down: 0, receiver_down: false };
  const asked: string[] = [];
  const supervised = (runs: boolean | undefined) =>
    startService({
      demo: true,
      workers: 0,
      supervisor: { workerRuns: () => runs, killWorker: () => asked.push('kill') },
    });

  it('are switched on and off in the sandbox', async ({ service }) => {
    expect((await ask<object>(service, 'GET', 'troubles')).body).toEqual({ ...NONE, worker_runs: null });
    const broken = await ask<object>(service, 'PATCH', 'troubles', { provider_down: true, text_lost: true });
    expect(broken.body).toMatchObject({ text_lost: true, provider_down: 4, receiver_down: false });
    const mended = await ask<object>(service, 'PATCH', 'troubles', { provider_down: false, text_lost: false });
    expect(mended.body).toMatchObject(NONE);
    expect((await ask<object>(service, 'PATCH', 'troubles', { worker_runs: false })).status).toBe(422);
  });

  it('leave the receiver alone when callbacks go to one of the operator’s', async ({ service }) => {
    const switches = async ({ url }: Service) => {
      const html = await (await fetch(`${url}/demo/`)).text();
      return [...html.matchAll(/data-trouble="(\w+)"/g)].map(([, name]) => name);
    };
    const own = await startService({ demo: true, workers: 0, env: { CALLBACK_URL: '' } });
    const shown = await switches(own);
    await own.close();

    expect(shown).toEqual(['text_lost', 'provider_down', 'receiver_down']);
    expect(await switches(service)).toEqual(['text_lost', 'provider_down']);
  });

  it('kill the worker when there is one that is started again', async () => {
    const service = await supervised(true);
    const answer = await ask<object>(service, 'POST', 'troubles/kill-worker', {});
    await service.close();

    expect([answer.status, asked]).toEqual([202, ['kill']]);
  });

  it('kill nothing that nobody would start again', async ({ service }) => {
    expect((await ask<object>(service, 'POST', 'troubles/kill-worker', {})).status).toBe(404);
    expect(await (await fetch(`${service.url}/demo/`)).text()).not.toContain('id="kill"');
  });

  it.for([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a form', { ...SAME_ORIGIN, 'content-type': 'text/plain' }],
    ['a name that somebody else has given this machine', { ...SAME_ORIGIN, host: 'rebound.example' }],
    ['somebody behind a proxy', { ...SAME_ORIGIN, 'x-forwarded-for': '198.51.100.1' }],
  ] as const)('are refused to %s', async ([, headers], { service }) => {
    for (const [method, path] of [
      ['PATCH', '/demo/api/troubles'],
      ['POST', '/demo/api/troubles/kill-worker'],
    ] as const) {
      const status = await statusOf(service.url + path, method, headers);
      expect(status).toBe(403);
    }
    expect((await ask<object>(service, 'GET', 'troubles')).body).toMatchObject(NONE);
  });

  it('are not there where codes are really sent, nor is the phone', async () => {
    const service = await startService({ env: { DEMO: 'true' }, workers: 0 });
    const page = await (await fetch(`${service.url}/demo/`)).text();
    const statuses = await Promise.all(
      ['GET', 'PATCH', 'POST'].map((method) =>
        statusOf(`${service.url}/demo/api/troubles${method === 'POST' ? '/kill-worker' : ''}`, method, SAME_ORIGIN),
      ),
    );
    await service.close();

    expect(statuses).toEqual([404, 404, 404]);
    expect(page).not.toMatch(/id="(kill|phone)"|data-trouble|sandbox/i);
  });

  it.for(['localhost:3000', '127.0.0.1', '[::1]:3000'])(
    'are there for who calls this machine %s',
    async (host, { service }) => {
      expect(await statusOf(`${service.url}/demo/api/troubles`, 'GET', { host })).toBe(200);
    },
  );

  it('say so when the sandbox is not there', async ({ service }) => {
    await service.sandbox.goDown();

    expect(await ask<object>(service, 'PATCH', 'troubles', { text_lost: true })).toMatchObject({
      status: 503,
      body: { code: 'unavailable' },
    });
  });
});

describe('the live stream of the demo', () => {
  it('tells what reaches the phone of the number, and no other one, and what is at work', async ({ service }) => {
    const other = await start(service);
    await service.sandbox.nextMessage(other.to);
    const { id, to } = await start(service);
    const { code } = await service.sandbox.nextMessage(to);
    const { body } = await fetch(`${service.url}/demo/api/verifications/${id}/live`);
    const seen: Record<string, unknown[]> = { phone: [], workings: [] };
    const isComplete = () => {
      const last = JSON.stringify(seen['workings']?.at(-1) ?? {});
      return seen['phone']?.length && last.includes('"completed"') && last.includes('"delivered"');
    };
    for await (const { event, data } of readServerSentEvents(body as ReadableStream<Uint8Array>)) {
      seen[event]?.push(JSON.parse(data));
      if (isComplete()) break;
    }

    expect(seen['phone']).toMatchObject([{ to, code, channel: 'sms' }]);
    expect(seen['workings']?.at(-1)).toMatchObject({
      jobs: [
        { queue: 'verifications', id, state: 'delayed' },
        { queue: 'sms', state: 'completed', runs: 1 },
      ],
      callbacks: [{ type: 'verification.attempt.sent', status: 'delivered', deliveries: [{ http_status: 204 }] }],
      troubles: { text_lost: false },
    });
  });

  it('is nobody else’s', async ({ service }) => {
    const owned = await service.submit({ to: freshNumber() });

    expect((await ask(service, 'GET', `verifications/${owned.id}/live`)).status).toBe(404);
  });
});

/** fetch() does not let a Host be chosen. */
async function statusOf(url: string, method: string, headers: Record<string, string>): Promise<number | undefined> {
  const sent = request(url, { method, headers: { 'content-type': 'application/json', ...headers } });
  sent.end(method === 'GET' ? undefined : '{}');
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}
