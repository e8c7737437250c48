import { describe, expect } from 'vitest';
import { createAuditLog } from '../../../src/shared/audit-log.ts';
import { createKeys } from '../../../src/shared/keys.ts';
import { freshNumber, it, MINUTE } from '../../fixtures.ts';
import {
  basic,
  createBrowserLike,
  PASSWORD,
  PASSWORD_HASH,
  SAME_ORIGIN,
  serviceWithAdmin,
  signedIn,
} from './admin-client.ts';

const HOUR = 60 * MINUTE;

describe('the sign-in page', () => {
  it('is not there unless somebody can sign in', async ({ service }) => {
    for (const path of ['/admin', '/admin/sign-in', '/admin/queues', '/admin/pages.css']) {
      expect([path, (await service.call('GET', path)).status]).toEqual([path, 404]);
    }
  });

  it('is where a browser on its way to a page is led, and nothing else', async () => {
    const service = await serviceWithAdmin();
    const browser = createBrowserLike(service);
    const navigation = await browser.send('/admin/queues/queue/sms?status=failed');

    expect(navigation.status).toBe(303);
    expect(navigation.headers.get('location')).toBe(
      `/admin/sign-in?next=${encodeURIComponent('/admin/queues/queue/sms?status=failed')}`,
    );
    for (const init of [
      { headers: { accept: '*/*' } },
      { headers: { accept: 'application/json' } },
      { method: 'PUT' },
      { headers: basic('operator', 'wrong') },
      { headers: { authorization: 'Bearer something' } },
    ]) {
      expect([init, (await browser.send('/admin/queues/api/queues', init)).status]).toEqual([init, 401]);
    }
  });

  it('asks for Basic only what is no page of a browser, which would answer with a dialog', async () => {
    const service = await serviceWithAdmin();
    const script = await fetch(`${service.url}/admin/queues`);
    const page = await fetch(`${service.url}/admin/queues/api/queues`, { headers: SAME_ORIGIN });

    expect(script.headers.get('www-authenticate')).toBe('Basic realm="Ringback", charset="UTF-8"');
    expect([page.status, page.headers.get('www-authenticate')]).toEqual([401, null]);
  });

  it('lets nothing of another host into its pages, and no other site frame them', async () => {
    const service = await serviceWithAdmin();
    for (const path of ['/admin/sign-in', '/admin/signed-in']) {
      const policy = (await createBrowserLike(service).send(path)).headers.get('content-security-policy');
      expect(policy?.split('; ').sort()).toEqual([
        "base-uri 'none'",
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        'img-src data:',
        "style-src 'self'",
      ]);
    }
  });

  it('leads on to where the browser wanted to go, and never to another site', async () => {
    const service = await serviceWithAdmin();
    const leadsTo = async (next: string) => {
      const browser = createBrowserLike(service);
      const body = new URLSearchParams({ user: 'operator', password: PASSWORD, next });
      const answer = await browser.send('/admin/sign-in', { method: 'POST', body });
      const [address = ''] = [answer.headers.get('location') ?? ''];
      return (await browser.send(address)).headers.get('location');
    };

    expect(await leadsTo('/admin/queues/queue/sms?status=failed')).toBe('/admin/queues/queue/sms?status=failed');
    for (const elsewhere of [
      'https://evil.example/admin/queues',
      '//evil.example/admin/',
      '/\\evil.example/admin/',
      '/admin/../demo',
      'javascript:alert(1)',
      '/admin/sign-out',
      '',
    ]) {
      expect([elsewhere, await leadsTo(elsewhere)]).toEqual([elsewhere, '/admin']);
    }
  });

  it('does not become part of the page what somebody typed', async () => {
    const service = await serviceWithAdmin();
    const answer = await createBrowserLike(service).signIn('"><script>alert(1)</script>', 'x');

    expect(await answer.text()).not.toContain('<script>');
  });

  it('answers a wrong user and a wrong password alike', async () => {
    const service = await serviceWithAdmin();
    const answers = await Promise.all(
      [
        ['operator', 'wrong'],
        ['nobody', PASSWORD],
      ].map(async ([user = '', password]) => {
        const answer = await createBrowserLike(service).signIn(user, password);
        const headers = [...answer.headers].filter(([name]) => !['date', 'x-request-id'].includes(name));
        return { status: answer.status, headers, text: (await answer.text()).replaceAll(user, '…') };
      }),
    );

    expect(answers[0]?.status).toBe(401);
    expect(answers[0]?.text).toContain('do not belong together');
    expect({ ...answers[0], headers: undefined }).toEqual({ ...answers[1], headers: undefined });
    expect(answers[0]?.headers.map(([name]) => name)).toEqual(answers[1]?.headers.map(([name]) => name));
  });

  it('takes a password whose hash is configured', async () => {
    const service = await serviceWithAdmin({ ADMIN_PASSWORD: PASSWORD_HASH });

    expect((await createBrowserLike(service).signIn()).status).toBe(303);
    expect((await createBrowserLike(service).signIn('operator', 'wrong')).status).toBe(401);
    expect((await createBrowserLike(service).signIn('operator', PASSWORD_HASH)).status).toBe(401);
  });

  it('refuses a sign-in that another site makes a browser send', async () => {
    const service = await serviceWithAdmin();
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]) {
      const answer = await createBrowserLike(service).signIn('operator', PASSWORD, headers);
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
    }
  });
});

describe('a session', () => {
  it('is a cookie for this very host, over TLS, out of reach for scripts and other sites', async () => {
    const service = await serviceWithAdmin();
    const cookies = (await createBrowserLike(service).signIn()).headers.getSetCookie();
    const session = cookies.find((cookie) => cookie.startsWith('__Host-ringback='));
    const device = cookies.find((cookie) => cookie.startsWith('__Host-ringback-device='));

    expect(session).toMatch(/^__Host-ringback=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    expect(device).toMatch(/; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Strict$/);
    expect(device).not.toMatch(/; Domain/);
    expect(session).not.toMatch(/; Domain/);
  });

  it('opens the board', async () => {
    const service = await serviceWithAdmin();
    const browser = await signedIn(service);

    expect((await browser.board()).status).toBe(200);
    expect((await browser.send('/admin')).status).toBe(200);
    expect((await browser.board('/api/queues/sms/pause', { method: 'PUT' })).status).toBe(200);
  });

  it('cannot be made up, and is not found in what Redis holds', async () => {
    const service = await serviceWithAdmin();
    const browser = await signedIn(service);
    const token = browser.cookies.get('__Host-ringback') ?? '';
    const keys = await service.redis.keys('*admin-session*');
    const values = await Promise.all(keys.map((key) => service.redis.get(key)));

    expect(keys).toHaveLength(1);
    expect([...keys, ...values].join()).not.toContain(token);
    const [hash = ''] = [keys[0]?.split(':').at(-1)];
    for (const forged of ['A'.repeat(43), hash, `${token}A`, token.slice(1), '', 'a"b', '__proto__']) {
      browser.cookies.set('__Host-ringback', forged);
      expect([forged, (await browser.board()).status]).toEqual([forged, 401]);
    }
  });

  it('is a new one at each sign-in: one that was planted or left over is not taken over', async () => {
    const service = await serviceWithAdmin();
    const browser = createBrowserLike(service);
    const planted = 'P'.repeat(43);
    browser.cookies.set('__Host-ringback', planted);
    await browser.signIn();
    const first = browser.cookies.get('__Host-ringback') ?? '';
    await browser.signIn();
    const second = browser.cookies.get('__Host-ringback') ?? '';

    expect(new Set([planted, first, second]).size).toBe(3);
    expect((await browser.board()).status).toBe(200);
    for (const old of [planted, first]) {
      browser.cookies.set('__Host-ringback', old);
      expect((await browser.board()).status).toBe(401);
    }
  });

  it('is over on the server once its user signs out, whoever kept the cookie', async () => {
    const service = await serviceWithAdmin();
    const browser = await signedIn(service);
    const token = browser.cookies.get('__Host-ringback') ?? '';

    expect(await (await browser.send('/admin/sign-out')).text()).toContain('You are signed in as operator.');
    expect((await browser.board()).status).toBe(200); // looking at the page is no sign-out
    const answer = await browser.signOut();

    expect(answer.headers.get('location')).toBe('/admin/sign-in?signed-out');
    expect(browser.cookies.has('__Host-ringback')).toBe(false);
    browser.cookies.set('__Host-ringback', token);
    expect((await browser.board()).status).toBe(401);
    expect(await service.redis.keys('*admin-session*')).toEqual([]);
  });

  it('is in the audit log from its beginning to its end', async () => {
    const service = await serviceWithAdmin();
    const browser = await signedIn(service);
    await browser.signIn('operator', 'wrong');
    await browser.signOut();
    const audit = createAuditLog({ redis: service.redis, stream: createKeys().audit, clock: service.clock });

    expect(await audit.list(10)).toMatchObject([
      { actor: 'operator', action: 'admin.signed-out' },
      { actor: 'operator', action: 'admin.signed-in' },
    ]);
    expect(service.logged.filter((line) => line.includes('a sign-in to /admin failed'))).toHaveLength(1);
  });

  it('cannot be ended by another site', async () => {
    const service = await serviceWithAdmin();
    const browser = await signedIn(service);

    const answer = await browser.send('/admin/sign-out', {
      method: 'POST',
      headers: { 'sec-fetch-site': 'cross-site' },
    });
    expect(answer.status).toBe(403);
    expect((await browser.board()).status).toBe(200);
  });

  it('ends after half an hour without use', async () => {
    const service = await serviceWithAdmin();
    const browser = await signedIn(service);
    for (const _use of [1, 2, 3]) {
      service.clock.advance(29 * MINUTE);
      expect((await browser.board()).status).toBe(200);
    }
    service.clock.advance(30 * MINUTE);
    expect((await browser.board()).status).toBe(401);
  });

  it('ends after twelve hours, however much it is used', async () => {
    const service = await serviceWithAdmin();
    const browser = await signedIn(service);
    for (let minutes = 0; minutes < 12 * 60 - 20; minutes += 20) {
      service.clock.advance(20 * MINUTE);
      expect((await browser.board()).status).toBe(200);
    }
    service.clock.advance(20 * MINUTE);
    expect((await browser.board()).status).toBe(401);
  });

  it('vanishes from Redis by itself', async () => {
    const service = await serviceWithAdmin();
    await signedIn(service);
    const [key = ''] = await service.redis.keys('*admin-session*');
    const ttl = await service.redis.pttl(key);

    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(HOUR / 2);
  });

  it('without a cookie that comes back ends at a page that says why', async () => {
    const service = await serviceWithAdmin();
    const answer = await createBrowserLike(service).send('/admin/signed-in?next=%2Fadmin%2Fqueues');

    expect(answer.status).toBe(401);
    expect(await answer.text()).toContain('http://127.0.0.1');
  });

  it('is found again when another site leads here, where the browser holds back its cookie', async () => {
    const service = await serviceWithAdmin();
    const fromElsewhere = { headers: { 'sec-fetch-site': 'cross-site' } };
    const answer = await createBrowserLike(service).send('/admin/sign-in?next=%2Fadmin%2Fqueues', fromElsewhere);

    expect(await answer.text()).toContain(
      '<meta http-equiv="refresh" content="0;url=/admin/sign-in?next=%2Fadmin%2Fqueues">',
    );
    const browser = await signedIn(service);
    expect((await browser.send('/admin/sign-in?next=%2Fadmin%2Fqueues')).headers.get('location')).toBe('/admin/queues');
  });
});

describe('the lock-out', () => {
  it('lets a place fail ten times in a quarter of an hour, with whatever user, then refuses even the right password', async () => {
    const service = await serviceWithAdmin();
    const browser = createBrowserLike(service);
    for (let i = 0; i < 10; i++) expect((await browser.signIn(`user-${i}`, 'wrong')).status).toBe(401);

    const locked = await browser.signIn();
    expect(locked.status).toBe(429);
    expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(14 * 60);
    expect(await locked.text()).toContain('Try again in 15 minutes.');
    const script = await fetch(`${service.url}/admin/queues`, { headers: basic('operator') });
    expect([script.status, ((await script.json()) as { code: string }).code]).toEqual([429, 'rate-limited']);
    expect(script.headers.get('retry-after')).not.toBeNull();

    service.clock.advance(15 * MINUTE);
    expect((await browser.signIn()).status).toBe(303);
  });

  it('counts what scripts send, too', async () => {
    const service = await serviceWithAdmin();
    for (let i = 0; i < 10; i++) {
      const answer = await fetch(`${service.url}/admin/queues`, { headers: basic('operator', `wrong-${i}`) });
      expect(answer.status).toBe(401);
    }
    expect((await createBrowserLike(service).signIn()).status).toBe(429);
  });

  it('does not count what was right', async () => {
    const service = await serviceWithAdmin();
    for (let i = 0; i < 9; i++) await createBrowserLike(service).signIn('operator', 'wrong');
    for (let i = 0; i < 15; i++) {
      expect((await fetch(`${service.url}/admin/queues`, { headers: basic('operator') })).status).toBe(200);
    }
    expect((await createBrowserLike(service).signIn('operator', 'wrong')).status).toBe(401);
    expect((await createBrowserLike(service).signIn()).status).toBe(429);
  });

  it('holds for guesses that come side by side', async () => {
    const service = await serviceWithAdmin();
    const guesses = Array.from({ length: 50 }, (_, i) => createBrowserLike(service).signIn('operator', `guess-${i}`));
    const statuses = (await Promise.all(guesses)).map((answer) => answer.status);

    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
  });

  it('lets a script send its right password many times side by side', async () => {
    const service = await serviceWithAdmin();
    const requests = Array.from({ length: 30 }, () =>
      fetch(`${service.url}/admin/queues/api/queues`, { headers: basic('operator') }),
    );
    expect(new Set((await Promise.all(requests)).map((answer) => answer.status))).toEqual(new Set([200]));
  });

  it('does not keep out a browser that has signed in before, whatever a stranger does at its address', async () => {
    const service = await serviceWithAdmin();
    const browser = await signedIn(service);
    await browser.signOut();
    const stranger = createBrowserLike(service);
    for (let i = 0; i < 12; i++) await stranger.signIn('operator', 'wrong');

    expect((await stranger.signIn()).status).toBe(429);
    expect((await browser.signIn()).status).toBe(303);
  });

  it('limits the guesses of such a browser as well', async () => {
    const service = await serviceWithAdmin();
    const browser = await signedIn(service);
    for (let i = 0; i < 10; i++) expect((await browser.signIn('operator', 'wrong')).status).toBe(401);
    expect((await browser.signIn()).status).toBe(429);
  });

  it('takes no made-up browser for a known one', async () => {
    const service = await serviceWithAdmin();
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) {
      const browser = createBrowserLike(service);
      browser.cookies.set('__Host-ringback-device', `made-up-${i}`);
      statuses.push((await browser.signIn('operator', 'wrong')).status);
    }
    expect(statuses.slice(10)).toEqual([429, 429]);
  });

  it('limits the guesses for one user from many addresses, but not from where the user has signed in', async () => {
    const service = await serviceWithAdmin({ TRUSTED_PROXIES: '127.0.0.1/32' });
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const home = '198.51.100.7';
    await createBrowserLike(service).signIn('operator', PASSWORD, from(home));
    for (let i = 0; i < 30; i++) {
      const answer = await createBrowserLike(service).signIn('operator', 'wrong', from(`203.0.113.${i}`));
      expect(answer.status).toBe(401);
    }

    expect((await createBrowserLike(service).signIn('operator', PASSWORD, from('203.0.113.99'))).status).toBe(429);
    expect((await createBrowserLike(service).signIn('operator', PASSWORD, from(home))).status).toBe(303);
    service.clock.advance(15 * MINUTE);
    expect((await createBrowserLike(service).signIn('operator', PASSWORD, from('203.0.113.99'))).status).toBe(303);
  });

  it('counts an IPv6 network as one place, and a nonsense of the proxy too', async () => {
    const service = await serviceWithAdmin({ TRUSTED_PROXIES: '127.0.0.1/32' });
    const statusFrom = async (address: string) =>
      (await createBrowserLike(service).signIn('operator', 'wrong', { 'x-forwarded-for': address })).status;
    for (const place of [(i: number) => `2001:db8::${i}`, () => 'unknown', () => 'fe80::1%eth0']) {
      for (let i = 1; i <= 10; i++) expect(await statusFrom(place(i))).toBe(401);
      expect([place(11), await statusFrom(place(11))]).toEqual([place(11), 429]);
    }
  });

  it('believes nobody but a trusted proxy about where a request comes from', async () => {
    const service = await serviceWithAdmin();
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) {
      const headers = { 'x-forwarded-for': `203.0.113.${i}` };
      statuses.push((await createBrowserLike(service).signIn('operator', 'wrong', headers)).status);
    }
    expect(statuses.at(-1)).toBe(429);
  });

  it('keeps no name and no password that was tried', async () => {
    const service = await serviceWithAdmin();
    const typed = `secret-in-the-wrong-field-${freshNumber()}`;
    await createBrowserLike(service).signIn(typed, typed);

    const keys = await service.redis.keys('*');
    expect(keys.some((key) => key.includes('sign-in-failures'))).toBe(true);
    expect(keys.join()).not.toContain(typed);
    expect(service.logged.join()).not.toContain(typed);
  });
});
