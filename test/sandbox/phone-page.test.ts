import { describe, expect } from 'vitest';
import { SPECIAL_NUMBERS } from '../../src/sandbox/special-numbers.ts';
import { it, TO } from './fixtures.ts';

/** The events of a stream, one by one. */
async function* eventsOf(response: Response): AsyncGenerator<{ event: string; data: unknown }> {
  let buffered = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    buffered += chunk;
    const parts = buffered.split('\n\n');
    buffered = parts.pop() ?? '';
    for (const part of parts) {
      const [, event = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? [];
      yield { event, data: JSON.parse(data) };
    }
  }
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

    expect(files.sort()).toEqual(['/phone.css', '/phone.js']);
    for (const file of files) {
      const { status, headers } = await fetch(sandbox.url + file);
      expect([status, headers.get('x-content-type-options')]).toEqual([200, 'nosniff']);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    }
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
