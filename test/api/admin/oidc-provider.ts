import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export const CLIENT = { id: 'ringback', secret: 'a secret of the client' };

interface Grant {
  redirectUri: string;
  challenge: string;
  nonce: string;
}

export type OidcProvider = Awaited<ReturnType<typeof startOidcProvider>>;

/**
 * A small OpenID provider: authorization code with PKCE, RS256 ID tokens, userinfo. Whoever comes is signed in at once as
 * the person that the test has set.
 */
export async function startOidcProvider() {
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const grants = new Map<string, Grant>();
  const person = {
    /** In the ID token. */
    claims: { sub: 'user-1' } as Record<string, unknown>,
    /** Told at the userinfo endpoint only. */
    userinfo: {} as Record<string, unknown>,
    signedBy: 'own' as 'own' | 'stranger' | 'nobody',
    error: undefined as string | undefined,
    /** Goes back by a click on a page of the provider. */
    isAsked: false,
  };
  const seen = { authorizations: [] as URLSearchParams[], tokenRequests: 0 };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', issuer);
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return json(200, {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          userinfo_endpoint: `${issuer}/userinfo`,
          jwks_uri: `${issuer}/jwks`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
          code_challenge_methods_supported: ['S256'],
        });
      case '/jwks':
        return json(200, {
          keys: [{ ...own.publicKey.export({ format: 'jwk' }), kid: '1', alg: 'RS256', use: 'sig' }],
        });
      case '/authorize': {
        seen.authorizations.push(url.searchParams);
        const { searchParams: asked } = url;
        const back = new URL(asked.get('redirect_uri') ?? '');
        back.searchParams.set('state', asked.get('state') ?? '');
        if (person.error) back.searchParams.set('error', person.error);
        else {
          const code = randomBytes(16).toString('hex');
          grants.set(code, {
            redirectUri: asked.get('redirect_uri') ?? '',
            challenge: asked.get('code_challenge') ?? '',
            nonce: asked.get('nonce') ?? '',
          });
          back.searchParams.set('code', code);
        }
        if (!person.isAsked) return void response.writeHead(302, { location: back.href }).end();
        return void response
          .writeHead(200, { 'content-type': 'text/html' })
          .end(`<a href="${back.href.replaceAll('&', '&amp;')}">It is me</a>`);
      }
      case '/token': {
        seen.tokenRequests += 1;
        const form = new URLSearchParams(await textOf(request));
        const grant = grants.get(form.get('code') ?? '');
        grants.delete(form.get('code') ?? ''); // once only
        const challenge = createHash('sha256')
          .update(form.get('code_verifier') ?? '')
          .digest('base64url');
        if (!isClient(request.headers.authorization)) return json(401, { error: 'invalid_client' });
        if (grant?.challenge !== challenge || grant.redirectUri !== form.get('redirect_uri')) {
          return json(400, { error: 'invalid_grant' });
        }
        const now = Math.floor(Date.now() / 1000);
        const claims = { iss: issuer, aud: CLIENT.id, iat: now, exp: now + 300, nonce: grant.nonce, ...person.claims };
        const keys = { own: own.privateKey, stranger: stranger.privateKey, nobody: undefined };
        const id_token = jwt(claims, keys[person.signedBy]);
        return json(200, { access_token: 'an-access-token', token_type: 'Bearer', expires_in: 300, id_token });
      }
      case '/userinfo':
        return json(200, { sub: person.claims['sub'], ...person.userinfo });
      default:
        return json(404, {});
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // another host name than the service's, so that for a browser it is another site
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onTestFinished(stop);
  return { issuer, person, seen, stop };
}

function jwt(claims: object, key: KeyObject | undefined): string {
  const header = key ? { alg: 'RS256', kid: '1', typ: 'JWT' } : { alg: 'none', typ: 'JWT' };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${signed}.${key ? sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url') : ''}`;
}

/** `client_secret_basic`: both parts are form-encoded first (RFC 6749, section 2.3.1). */
function isClient(authorization = ''): boolean {
  const [id = '', secret = ''] = Buffer.from(authorization.replace(/^Basic /, ''), 'base64')
    .toString()
    .split(':');
  const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));
  return decode(id) === CLIENT.id && decode(secret) === CLIENT.secret;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}
