import { describe, expect, it } from 'vitest';
import { CHROMIUM, launchBrowser } from '../../browser.ts';
import type { Service } from '../../fixtures.ts';
import { findQuietPort } from '../../quiet-port.ts';
import { type BrowserLike, createBrowserLike, serviceWithAdmin } from './admin-client.ts';
import { CLIENT, type OidcProvider, startOidcProvider } from './oidc-provider.ts';

const ONLY_OIDC = { ADMIN_USER: '', ADMIN_PASSWORD: '' };
const ANN = { sub: 'user-1', email: 'Ann@Example.com', email_verified: true };

async function serviceWithOidc(env: Record<string, string> = {}) {
  const provider = await startOidcProvider();
  const port = await findQuietPort(); // the provider sends browsers back to a fixed address
  const service = await serviceWithAdmin({
    ...ONLY_OIDC,
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: CLIENT.id,
    OIDC_CLIENT_SECRET: CLIENT.secret,
    OIDC_OPERATORS: 'ann@example.com,group:on-call',
    OIDC_VIEWERS: 'ben@example.com,group:support',
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    PORT: String(port),
    ...env,
  });
  return { provider, service };
}

const pathOf = (service: Service, address: string | null) => (address ?? '').replace(service.url, '');

/** Goes to the provider and as far back as its answer. @returns the address of the answer */
async function askProvider(service: Service, browser: BrowserLike, next = '/admin/queues'): Promise<string> {
  const leave = await browser.send(`/admin/sign-in/oidc?next=${encodeURIComponent(next)}`);
  expect(leave.status).toBe(303);
  const answer = await fetch(leave.headers.get('location') ?? '', { redirect: 'manual' });
  return pathOf(service, answer.headers.get('location'));
}

/** The provider's answer arrives by a redirect from its site. */
const comeBack = (browser: BrowserLike, path: string) =>
  browser.send(path, { headers: { 'sec-fetch-site': 'cross-site' } });

async function signInAs(
  { service, provider }: { service: Service; provider: OidcProvider },
  claims: Record<string, unknown>,
  userinfo: Record<string, unknown> = {},
) {
  provider.person.claims = claims;
  provider.person.userinfo = userinfo;
  const browser = createBrowserLike(service);
  const answer = await comeBack(browser, await askProvider(service, browser));
  return { browser, answer };
}

const pause = (browser: BrowserLike) => browser.board('/api/queues/sms/pause', { method: 'PUT' });

describe('the sign-in with an OpenID provider', () => {
  it('is offered, alone when there are no passwords', async () => {
    const { service } = await serviceWithOidc();
    const page = await (await createBrowserLike(service).send('/admin/sign-in?next=%2Fadmin%2Fqueues')).text();

    expect(page).toContain('<a class="button" href="/admin/sign-in/oidc?next=%2Fadmin%2Fqueues">');
    expect(page).not.toContain('type="password"');
  });

  it('is not there without a provider', async () => {
    const service = await serviceWithAdmin();

    expect(await (await createBrowserLike(service).send('/admin/sign-in')).text()).not.toContain('oidc');
    expect((await createBrowserLike(service).send('/admin/oidc/callback?code=x')).status).toBe(303);
  });

  it('leads on to where the browser wanted to go, with a session of its own', async () => {
    const { service, provider } = await serviceWithOidc();
    provider.person.claims = ANN;
    const browser = createBrowserLike(service);
    const answer = await comeBack(browser, await askProvider(service, browser, '/admin/queues/queue/sms'));
    const session = answer.headers.getSetCookie().find((cookie) => cookie.startsWith('__Host-ringback='));

    expect(session).toMatch(/; HttpOnly; Secure; SameSite=Strict$/);
    expect(await answer.text()).toContain(
      '<meta http-equiv="refresh" content="0;url=/admin/signed-in?next=%2Fadmin%2Fqueues%2Fqueue%2Fsms">',
    );
    const signedIn = await browser.send('/admin/signed-in?next=%2Fadmin%2Fqueues%2Fqueue%2Fsms');
    expect(signedIn.headers.get('location')).toBe('/admin/queues/queue/sms');
    expect((await browser.board()).status).toBe(200);
    expect(browser.cookies.has('__Host-ringback-oidc')).toBe(false);
  });

  it('asks with PKCE, a state and a nonce, none of them twice', async () => {
    const { service, provider } = await serviceWithOidc();
    await askProvider(service, createBrowserLike(service));
    await askProvider(service, createBrowserLike(service));
    const [first, second] = provider.seen.authorizations;

    expect(Object.fromEntries(first ?? [])).toMatchObject({
      response_type: 'code',
      client_id: CLIENT.id,
      redirect_uri: `${service.url}/admin/oidc/callback`,
      scope: 'openid email profile',
      code_challenge_method: 'S256',
    });
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(first?.get(name)).toMatch(/^[\w-]{43}$/);
      expect(first?.get(name)).not.toBe(second?.get(name));
    }
  });

  it.each([
    ['an operator by e-mail address', ANN, {}, 200],
    ['a viewer by e-mail address', { sub: '2', email: 'ben@example.com', email_verified: true }, {}, 403],
    ['an operator by group', { sub: '3', groups: ['everybody', 'on-call'] }, {}, 200],
    ['a viewer by group', { sub: '4', groups: ['support'] }, {}, 403],
    ['an operator, the higher of two roles', { ...ANN, groups: ['support'] }, {}, 200],
    ['whom only the userinfo endpoint knows well', { sub: '5' }, { groups: ['on-call'] }, 200],
  ])('lets in %s', async (_who, claims, userinfo, mayPause) => {
    const parts = await serviceWithOidc();
    const { browser } = await signInAs(parts, claims, userinfo);

    expect((await browser.board()).status).toBe(200);
    expect((await pause(browser)).status).toBe(mayPause);
  });

  it.each([
    ['nobody has named', { sub: '6', email: 'eve@example.com', email_verified: true }],
    ['has an e-mail address that is not verified', { sub: '7', email: 'ann@example.com', email_verified: false }],
    ['has an e-mail address of which nobody says that it is verified', { sub: '8', email: 'ann@example.com' }],
    ['says verified in another way', { sub: '9', email: 'ann@example.com', email_verified: 'true' }],
    ['is in no group that counts', { sub: '10', groups: ['on-call-friends', 'group:on-call'] }],
    ['has a group that reads like an e-mail address', { sub: '11', groups: ['ann@example.com'] }],
    ['has groups in a form that nobody expects', { sub: '12', groups: 'on-call' }],
  ])('does not let in who %s', async (_what, claims) => {
    const parts = await serviceWithOidc();
    const { browser, answer } = await signInAs(parts, claims);

    expect(answer.status).toBe(403);
    expect(browser.cookies.has('__Host-ringback')).toBe(false);
    expect((await browser.board()).status).toBe(401);
  });

  it('takes no answer that this browser has not asked for', async () => {
    const { service, provider } = await serviceWithOidc();
    provider.person.claims = ANN;
    const attacker = createBrowserLike(service);
    const answer = await askProvider(service, attacker);
    const victim = createBrowserLike(service);
    await askProvider(service, victim); // has begun a sign-in of its own
    for (const browser of [createBrowserLike(service), victim]) {
      expect((await comeBack(browser, answer)).status).toBe(401);
      expect(browser.cookies.has('__Host-ringback')).toBe(false);
    }
  });

  it('takes an answer once', async () => {
    const { service, provider } = await serviceWithOidc();
    provider.person.claims = ANN;
    const browser = createBrowserLike(service);
    const answer = await askProvider(service, browser);
    const cookie = browser.cookies.get('__Host-ringback-oidc') ?? '';
    expect((await comeBack(browser, answer)).status).toBe(200);

    const again = createBrowserLike(service);
    expect((await comeBack(again, answer)).status).toBe(401);
    again.cookies.set('__Host-ringback-oidc', cookie);
    expect((await comeBack(again, answer)).status).toBe(401);
    expect(again.cookies.has('__Host-ringback')).toBe(false);
  });

  it.each([
    ['made for another client', { aud: 'somebody-else' }, 'own'],
    ['of another provider', { iss: 'https://evil.example' }, 'own'],
    ['that has expired', { exp: Math.floor(Date.now() / 1000) - 3_600 }, 'own'],
    ['that answers another question', { nonce: 'another' }, 'own'],
    ['signed with another key', {}, 'stranger'],
    ['signed by nobody', {}, 'nobody'],
  ] as const)('takes no ID token %s', async (_what, claims, signedBy) => {
    const parts = await serviceWithOidc();
    parts.provider.person.signedBy = signedBy;
    const { answer, browser } = await signInAs(parts, { ...ANN, ...claims });

    expect(answer.status).toBe(401);
    expect(await answer.text()).toContain('The sign-in did not succeed');
    expect(browser.cookies.has('__Host-ringback')).toBe(false);
  });

  it('says so when the provider refuses, and when it is away; the API has started without it', async () => {
    const { service, provider } = await serviceWithOidc();
    provider.person.error = 'access_denied';
    const browser = createBrowserLike(service);
    const refused = await comeBack(browser, await askProvider(service, browser));
    provider.person.error = undefined;
    const begun = await askProvider(service, browser);
    await provider.stop();
    const lost = await comeBack(browser, begun);

    expect([refused.status, lost.status]).toEqual([401, 503]);
    const { service: lonely } = await serviceWithOidc({ OIDC_ISSUER: provider.issuer });
    const away = await createBrowserLike(lonely).send('/admin/sign-in/oidc');
    expect([away.status, await away.text()]).toEqual([503, expect.stringContaining('Try again later')]);
    const telling = [...service.logged, ...lonely.logged].join('');
    expect(telling).toContain('access_denied');
    expect(telling).not.toContain(CLIENT.secret);
  });

  it('ends with the session: signed out is signed out, and the name is marked as from elsewhere', async () => {
    const parts = await serviceWithOidc();
    const { browser } = await signInAs(parts, ANN);

    expect(await (await browser.send('/admin/sign-out')).text()).toContain('signed in as oidc:ann@example.com');
    await browser.signOut();
    expect((await browser.board()).status).toBe(401);
  });

  it('leaves passwords beside it', async () => {
    const { service } = await serviceWithOidc({ ADMIN_USER: 'operator', ADMIN_PASSWORD: 'a-password-for-tests' });

    expect((await createBrowserLike(service).signIn()).status).toBe(303);
  });

  it.skipIf(CHROMIUM === undefined)(
    'works in a browser, which keeps back a strict cookie when another site leads here',
    async () => {
      const { service, provider } = await serviceWithOidc();
      provider.person.claims = ANN;
      provider.person.isAsked = true;
      const browser = await launchBrowser();
      try {
        const page = await browser.newPage();
        const complaints: string[] = [];
        page.on('console', (message) => {
          if (message.type() === 'error' && message.location().url.startsWith(service.url))
            complaints.push(message.text());
        });
        await page.goto(`${service.url}/admin/queues/queue/sms`);
        await page.getByRole('link', { name: 'Sign in with your organisation' }).click();
        await page.getByRole('link', { name: 'It is me' }).click();
        await page.waitForURL(`${service.url}/admin/queues/queue/sms`);
        await page.getByText('One job per text').first().waitFor();

        expect(complaints).toEqual([]);
      } finally {
        await browser.close();
      }
    },
  );
});
