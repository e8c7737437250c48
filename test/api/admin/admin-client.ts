import { expect, onTestFinished } from 'vitest';
import { type Service, type ServiceOptions, startService } from '../../fixtures.ts';

export const PASSWORD = 'a-password-for-tests';
export const OPERATOR = { ADMIN_USER: 'operator', ADMIN_PASSWORD: PASSWORD };
/** Hash of {@link PASSWORD}, as weak as it may be so that tests are quick. */
export const PASSWORD_HASH = 'scrypt$16384$8$1$c2FsdHNhbHRzYWx0c2FsdA$009zacnP9XDFwV1zmU0Xps5-QsqPG3dUEaOcBweaz-U';
export const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' };

export const basic = (user: string, password: string = PASSWORD) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

/** A service with somebody who may sign in. */
export async function serviceWithAdmin(
  env: Record<string, string> = {},
  options: Omit<ServiceOptions, 'env'> = {},
): Promise<Service> {
  const service = await startService({ workers: 0, ...options, env: { ...OPERATOR, ...env } });
  onTestFinished(() => service.close());
  return service;
}

/** Asks the console as a script does, with HTTP Basic; with a body it is a POST. */
export async function ask<T = Record<string, unknown>>(
  service: Service,
  path: string,
  body?: unknown,
  user = 'operator',
) {
  const response = await fetch(`${service.url}/admin/api/${path}`, {
    headers: { ...basic(user), ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

export type BrowserLike = ReturnType<typeof createBrowserLike>;

/** What a browser does with cookies and redirects, without one. */
export function createBrowserLike(service: Service) {
  const cookies = new Map<string, string>();

  async function send(path: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(service.url + path, {
      redirect: 'manual',
      ...init,
      headers: { accept: 'text/html', ...SAME_ORIGIN, ...(cookie && { cookie }), ...init.headers },
    });
    for (const set of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = set.split(';', 1)[0]?.split('=') ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  }

  return {
    cookies,
    send,
    signIn: (user = 'operator', password = PASSWORD, headers: Record<string, string> = {}) =>
      send('/admin/sign-in', { method: 'POST', body: new URLSearchParams({ user, password }), headers }),
    signOut: () => send('/admin/sign-out', { method: 'POST' }),
    board: (path = '/api/queues', init: RequestInit = {}) =>
      send(`/admin/queues${path}`, { ...init, headers: { accept: 'application/json', ...init.headers } }),
  };
}

/** A browser that has signed in. */
export async function signedIn(service: Service, user = 'operator'): Promise<BrowserLike> {
  const browser = createBrowserLike(service);
  expect((await browser.signIn(user)).status).toBe(303);
  return browser;
}
