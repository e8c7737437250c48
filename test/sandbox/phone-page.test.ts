import { describe, expect } from 'vitest';
import { SPECIAL_NUMBERS } from '../../src/sandbox/special-numbers.ts';
import { readServerSentEvents } from '../../src/shared/server-sent-events.ts';
import { basic, it, PROJECT_KEY, TO, TOKEN } from './fixtures.ts';

/** The events of a stream, one by one. */
async function* eventsOf({ body }: Response): AsyncGenerator<{ event: string; data: unknown }> {
  if (body === null) return;
  for await (const { event, data } of readServerSentEvents(body)) yield { event, data: JSON.parse(data) };
}

describe('the phone page', () => {
  it.for(['/', '/phone'])('is at %s and asks for nothing from elsewhere', async (path, { sandbox }) => {
    const response = await fetch(sandbox.url + path);
    const html = await response.text();

    expect(response.headers.get('content-type')).toMatch('text/html');
    expect(response.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(html).toMatch(/^<!doctype html>\s*<html lang="en">/);
    expect(html).toContain('aria-live="polite"');
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(html).not.toMatch(/<style| style=| on\w+=|<script(?! type="module" src)/);
  });

  it('serves all it refers to, under the same policy', async ({ sandbox }) => {
    const html = await (await fetch(sandbox.url)).text();
    const files = [...html.matchAll(/(?:src|href)="(\/[^"]*\.\w+)"/g)].map(([, file = '']) => file);

    expect(files.sort()).toEqual(['/pages/base.css', '/pages/phone.css', '/phones.css', '/phones.js']);
    for (const file of files) {
      const { status, headers } = await fetch(sandbox.url + file);
      expect([status, headers.get('x-content-type-options')]).toEqual([200, 'nosniff']);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    }
  });

  it('speaks the language of its visitor', async ({ sandbox }) => {
    const german = await (await fetch(sandbox.url, { headers: { 'accept-language': 'de' } })).text();

    expect(german).toContain('<html lang="de">');
    expect(german).toContain('Die Telefone');
    expect(german).not.toMatch(/[{}]{2}/);
  });

  it('lists the special numbers', async ({ sandbox }) => {
    const listed = await (await fetch(`${sandbox.url}/special-numbers`)).json();

    expect(listed).toEqual(SPECIAL_NUMBERS.map(({ number, summary }) => ({ number, summary })));
  });
});

describe('the messages as JSON', () => {
  it('are listed newest first, and can be cleared while their codes stay valid', async ({ client, sandbox, clock }) => {
    await client.send('sms', { to: TO });
    clock.advance(1_000);
    await client.send('call', { to: TO });
    const [text, call] = sandbox.messages(TO);
    const list = async () => (await fetch(`${sandbox.url}/messages`)).json();

    expect(await list()).toEqual([
      { ...call, at: '2026-11-23T00:00:01.000Z' },
      { ...text, at: '2026-11-23T00:00:00.000Z' },
    ]);
    expect((await fetch(`${sandbox.url}/messages`, { method: 'DELETE' })).status).toBe(204);
    expect(await list()).toEqual([]);
    expect((await client.verify(text?.id ?? '', { token: text?.code })).body).toEqual({ success: true });
  });

  it('are bounded: the oldest of more than 1000 are gone, but still counted', async ({ client, sandbox }) => {
    for (let i = 0; i < 1_010; i += 101) {
      await Promise.all(Array.from({ length: 101 }, () => client.send('sms', { to: TO })));
    }

    expect(sandbox.messages()).toHaveLength(1_000);
    expect(sandbox.sendsTo(TO)).toBe(1_010);
  });
});

describe('the events', () => {
  it('begin with what is there, then tell what arrives and when all is cleared', async ({ client, sandbox }) => {
    await client.send('sms', { to: TO });
    const response = await fetch(`${sandbox.url}/events`);
    const events = eventsOf(response);
    const next = async () => (await events.next()).value;

    const { code } = await sandbox.nextMessage(TO);
    expect(await next()).toMatchObject({ event: 'all', data: [{ to: TO, channel: 'sms', code }] });
    await client.send('call', { to: TO });
    expect(await next()).toMatchObject({ event: 'arrived', data: { to: TO, channel: 'call' } });
    await fetch(`${sandbox.url}/messages`, { method: 'DELETE' });
    expect(await next()).toEqual({ event: 'all', data: [] });
  });

  it('end when the sandbox closes', async ({ sandbox }) => {
    const response = await fetch(`${sandbox.url}/events`);
    const ended = expect(response.text()).rejects.toThrow('terminated');

    await sandbox.close();
    await ended;
  });
});

describe('the troubles', () => {
  const authorization = basic(PROJECT_KEY, TOKEN);
  const change = (url: string, body: unknown, headers: Record<string, string> = { authorization }) =>
    fetch(`${url}/control/troubles`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  it('are for those who know the credentials, which no page of another site does', async ({ sandbox }) => {
    expect((await fetch(`${sandbox.url}/control/troubles`)).status).toBe(401);
    expect((await change(sandbox.url, { text_lost: true }, {})).status).toBe(401);
    expect((await change(sandbox.url, { text_lost: true }, { authorization: basic('x', 'y') })).status).toBe(401);
    expect(await (await fetch(`${sandbox.url}/control/troubles`, { headers: { authorization } })).json()).toEqual({
      text_lost: false,
      provider_down: 0,
      receiver_down: false,
    });
  });

  it.for([{ text_lost: 1 }, { provider_down: -1 }, { unknown: true }, []])('refuse %j', async (body, { sandbox }) => {
    expect((await change(sandbox.url, body)).status).toBe(400);
  });

  it('lose the texts, not the calls', async ({ client, sandbox }) => {
    await change(sandbox.url, { text_lost: true });

    expect((await client.send('sms', { to: TO })).status).toBe(200);
    expect(sandbox.messages(TO)).toEqual([]);
    await client.send('call', { to: TO });
    expect(sandbox.messages(TO)).toHaveLength(1);

    await change(sandbox.url, { text_lost: false });
    await client.send('sms', { to: TO });
    expect(sandbox.messages(TO)).toHaveLength(2);
  });

  it('take SignalWire down for so many texts and calls, and every check until then', async ({ client, sandbox }) => {
    await client.send('sms', { to: TO });
    const { id, code } = await sandbox.nextMessage(TO);
    await change(sandbox.url, { provider_down: 2 });

    expect((await client.send('sms', { to: TO })).status).toBe(503);
    expect((await client.verify(id, { token: code })).status).toBe(503);
    expect((await client.send('call', { to: TO })).status).toBe(503);
    expect((await client.send('sms', { to: TO })).status).toBe(200);
    expect((await client.verify(id, { token: code })).body).toEqual({ success: true });
  });

  it('take the receiver of callbacks down', async ({ sandbox }) => {
    const deliver = async () => (await fetch(`${sandbox.url}/receiver`, { method: 'POST', body: '{}' })).status;

    expect(await deliver()).toBe(204);
    await change(sandbox.url, { receiver_down: true });
    expect(await deliver()).toBe(503);
    await change(sandbox.url, { receiver_down: false });
    expect(await deliver()).toBe(204);
  });
});
