import { readFileSync } from 'node:fs';
import { it as base, expect } from 'vitest';
import { parse } from 'yaml';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { createOpenApiValidator } from '../openapi-validator.ts';

export const PROJECT_KEY = 'project';
export const TOKEN = 'secret';
/** A number without a set behaviour. */
export const TO = '+14045550123';
export const FROM = '+12025550150';
export const UNKNOWN_ID = '3fa85f64-5717-4562-b3fc-2c963f66afa6';

export const signalwire = createOpenApiValidator(
  parse(readFileSync(new URL('../fixtures/signalwire-mfa.openapi.yaml', import.meta.url), 'utf8')),
);

/** Credentials as a header. */
export const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

interface CallOptions {
  /** Undefined: none is sent. */
  authorization?: string | undefined;
  /** Whether the answer is one that the OpenAPI document has; only a few are wrong on purpose. */
  documented?: boolean;
  signal?: AbortSignal;
}

/** What a client of SignalWire does, over real HTTP; every answer is checked against the document on the way. */
export function createClient(sandbox: Sandbox) {
  async function post(path: string, template: string, content: RequestInit, options: CallOptions): Promise<Answer> {
    const { authorization = basic(PROJECT_KEY, TOKEN), documented = true, signal } = options;
    const headers = new Headers(content.headers);
    if (!('authorization' in options && options.authorization === undefined))
      headers.set('authorization', authorization);
    const init = { ...content, method: 'POST', headers, ...(signal && { signal }) };
    const response = await fetch(`${sandbox.url}/api/relay/rest/mfa/${path}`, init);
    const contentType = response.headers.get('content-type');
    const text = await response.text();
    const body: unknown = contentType?.startsWith('application/json') ? JSON.parse(text) : text;
    const { status } = response;
    const problems = signalwire.checkResponse({
      path: `/api/relay/rest/mfa/${template}`,
      method: 'post',
      status,
      contentType,
      body,
    });
    if (documented) expect(problems).toEqual([]);
    else expect(problems).not.toEqual([]);
    return { status, headers: response.headers, body };
  }

  const json = (body: unknown): RequestInit => ({
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const form = (fields: Record<string, string>): RequestInit => ({ body: new URLSearchParams(fields) });

  return {
    send: (channel: 'sms' | 'call', body: unknown, options: CallOptions = {}) =>
      post(channel, channel, json(body), options),
    sendForm: (channel: 'sms' | 'call', fields: Record<string, string>) => post(channel, channel, form(fields), {}),
    verify: (id: string, body: unknown, options: CallOptions = {}) =>
      post(`${id}/verify`, '{id}/verify', json(body), options),
    verifyForm: (id: string, fields: Record<string, string>) => post(`${id}/verify`, '{id}/verify', form(fields), {}),
  };
}

export type Client = ReturnType<typeof createClient>;

export const it = base
  .extend('clock', () => {
    let now = Date.UTC(2026, 10, 23);
    return {
      now: () => now,
      advance: (ms: number) => {
        now += ms;
      },
    };
  })
  /** How long slow answers were to take, in milliseconds; none really does. */
  .extend('delays', (): number[] => [])
  .extend('sandbox', async ({ clock, delays }, { onCleanup }) => {
    const delay = async (ms: number) => delays.push(ms);
    const sandbox = createSandbox({ projectKey: PROJECT_KEY, token: TOKEN, clock, delay });
    await sandbox.listen();
    onCleanup(() => sandbox.close());
    return sandbox;
  })
  .extend('client', ({ sandbox }) => createClient(sandbox));
