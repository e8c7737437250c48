import { describe, expect } from 'vitest';
import type { VerificationView } from '../../src/shared/verification-view.ts';
import { it as base, freshNumber, type Service, startService } from '../fixtures.ts';

const SANDBOX_URL = 'http://127.0.0.1:4010';
const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' };

const it = base.extend<{ service: Service }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
  service: async ({}, use) => {
    const service = await startService({ env: { DEMO: 'true', RINGBACK_SANDBOX_URL: SANDBOX_URL } });
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

describe('the routes of the demo', () => {
  it('name the sandbox, so that the page can show the way to its phone', async ({ service }) => {
    const { headers, body } = await ask(service, 'GET', 'settings');

    expect(body).toEqual({ sandbox_url: SANDBOX_URL });
    expect(headers.get('cache-control')).toBe('no-store');
  });

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
