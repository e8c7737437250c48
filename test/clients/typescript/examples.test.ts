import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { createApp } from '../../../clients/typescript/examples/express.ts';
import type { Ringback } from '../../../clients/typescript/src/index.ts';
import { API_KEY, CALLBACK_SECRET, freshNumber } from '../../fixtures.ts';
import { it } from './fixtures.ts';

/** The Express example on a port of its own, registered as a target of callbacks. */
async function startExample(ringback: Ringback) {
  const proven: string[] = [];
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { secret } = await ringback.callbackEndpoints.create({ url: `${url}/hooks/ringback` });
  server.on('request', createApp({ ringback, callbackSecret: secret, onProven: (user) => proven.push(user) }));

  async function post(path: string, body: object) {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, body: await response.text() };
  }
  return { post, proven };
}

describe('the Express example', () => {
  it('proves a number', async ({ service, ringback }) => {
    const { post, proven } = await startExample(ringback);
    const to = freshNumber();
    const { id } = JSON.parse((await post('/phone', { user: 'ada', to })).body);
    const { code } = await service.sandbox.nextMessage(to);
    await service.receiver.event('verification.attempt.sent', id);

    const { body } = await post(`/phone/${id}/code`, { code });
    expect(JSON.parse(body)).toEqual({ approved: true, number: to });
    await expect.poll(() => proven).toEqual(['ada']);
  });

  it('says what went wrong', async ({ ringback }) => {
    const { post } = await startExample(ringback);
    const { id } = await ringback.submit({ to: freshNumber() });
    await ringback.cancel(id);

    expect(await post('/phone', { to: '123' })).toMatchObject({ status: 422 });
    expect(await post(`/phone/${id}/code`, { code: '123456' })).toMatchObject({ status: 410 });
    expect(await post('/hooks/ringback', { type: 'verification.approved' })).toMatchObject({ status: 400 });
  });
});

describe('the Next.js example', () => {
  it('proves a number and takes callbacks', async ({ service }) => {
    vi.stubEnv('RINGBACK_URL', service.url);
    vi.stubEnv('RINGBACK_API_KEY', API_KEY);
    vi.stubEnv('CALLBACK_SECRET', CALLBACK_SECRET);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { POST, PUT, takeCallback } = await import('../../../clients/typescript/examples/next-route.ts');
    const request = (method: string, body: object) =>
      new Request('https://app.example/api/phone', { method, body: JSON.stringify(body) });

    const to = freshNumber();
    const { id } = (await (await POST(request('POST', { to }))).json()) as { id: string };
    await service.receiver.event('verification.attempt.sent', id);
    const { code } = await service.sandbox.nextMessage(to);
    expect(await (await PUT(request('PUT', { id, code }))).json()).toEqual({ approved: true, number: to });
    expect((await PUT(request('PUT', { id, code }))).status).toBe(410);

    const { headers, raw } = await service.receiver.event('verification.approved', id);
    const signed = { 'webhook-id': '', 'webhook-timestamp': '', 'webhook-signature': '' };
    for (const name of Object.keys(signed) as (keyof typeof signed)[]) signed[name] = String(headers[name]);
    const callback = (body: string) =>
      new Request('https://app.example/hooks', { method: 'POST', headers: signed, body });
    expect((await takeCallback(callback(raw))).status).toBe(204);
    expect((await takeCallback(callback(`${raw} `))).status).toBe(400);
  });
});
