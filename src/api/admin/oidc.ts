import { createHmac, randomBytes } from 'node:crypto';
import * as client from 'openid-client';
import { z } from 'zod';
import type { AdminRole, OidcSettings } from '../../shared/admin-user.ts';
import type { Identity } from './sessions.ts';

export const CALLBACK_PATH = '/admin/oidc/callback';
const SCOPE = 'openid email profile';
/** Seconds for each request to the provider. */
const TIMEOUT_S = 5;

const Claims = z.object({
  sub: z.string(),
  email: z.string().optional().catch(undefined),
  email_verified: z.boolean().optional().catch(undefined),
});

export type OidcIdentity = Extract<Identity, { kind: 'oidc' }>;

/** The provider refused, or what came back is not what was asked for; the message is its error code. */
export class OidcRefusal extends Error {
  override readonly name = 'OidcRefusal';
}

/** The provider cannot be asked. */
export class OidcUnreachable extends Error {
  override readonly name = 'OidcUnreachable';
}

export type Oidc = ReturnType<typeof createOidc>;

/**
 * The sign-in with an OpenID provider: authorization code flow with PKCE, state and nonce, the signature of the ID token
 * checked. All three follow from one random token that only the browser keeps, so that nothing is stored meanwhile and an
 * answer that another browser began is refused.
 */
export function createOidc(settings: OidcSettings) {
  let discovered: Promise<client.Configuration> | undefined;

  /** The provider's own description, asked for at the first sign-in: the API starts without the provider. */
  function provider(): Promise<client.Configuration> {
    discovered ??= discover(settings).catch((error: unknown) => {
      discovered = undefined; // and again at the next one
      throw new OidcUnreachable('its description could not be read', { cause: error });
    });
    return discovered;
  }

  return {
    newToken: () => randomBytes(32).toString('base64url'),

    /** Where the browser goes to sign in. @throws {OidcUnreachable} */
    async addressFor(token: string): Promise<URL> {
      const { state, nonce, verifier } = secretsOf(token);
      return client.buildAuthorizationUrl(await provider(), {
        redirect_uri: settings.publicUrl + CALLBACK_PATH,
        scope: SCOPE,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
    },

    /**
     * Who came back.
     *
     * @param callback - path and query that the provider sent the browser to.
     * @throws {OidcRefusal} when the answer does not fit the question. @throws {OidcUnreachable}
     */
    async identify(token: string, callback: string): Promise<OidcIdentity> {
      const { state, nonce, verifier } = secretsOf(token);
      const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
      const known = await provider();
      try {
        const tokens = await client.authorizationCodeGrant(known, new URL(callback, settings.publicUrl), checks);
        const told = tokens.claims();
        if (told === undefined) throw new OidcRefusal('no ID token');
        // some tell e-mail and groups only there
        const more = known.serverMetadata().userinfo_endpoint
          ? await client.fetchUserInfo(known, tokens.access_token, told.sub)
          : {};
        return identityOf({ ...more, ...told }, settings.groupsClaim);
      } catch (error) {
        throw asRefusal(error);
      }
    },

    /** What somebody may do, by the configuration as it is now; an e-mail address counts only when it is verified. */
    roleOf({ email, groups }: OidcIdentity): AdminRole | undefined {
      const is = new Set([...(email === null ? [] : [email]), ...groups.map((group) => `group:${group}`)]);
      const has = (role: AdminRole) => settings.members[role].some((member) => is.has(member));
      if (has('operator')) return 'operator';
      return has('viewer') ? 'viewer' : undefined;
    },

    /** What the sessions of its users depend on. */
    credential: `${settings.issuer} ${settings.clientId}`,
  };
}

async function discover({ issuer, clientId, clientSecret }: OidcSettings): Promise<client.Configuration> {
  const insecure = issuer.startsWith('http:') ? [client.allowInsecureRequests] : [];
  const found = await client.discovery(new URL(issuer), clientId, clientSecret, undefined, {
    timeout: TIMEOUT_S,
    execute: insecure,
  });
  const metadata = found.serverMetadata();
  const takesBasic = metadata.token_endpoint_auth_methods_supported?.includes('client_secret_basic') ?? true;
  const authenticate = takesBasic ? client.ClientSecretBasic(clientSecret) : client.ClientSecretPost(clientSecret);
  const known = new client.Configuration(metadata, clientId, clientSecret, authenticate);
  known.timeout = TIMEOUT_S;
  for (const configure of [client.enableNonRepudiationChecks, ...insecure]) configure(known);
  return known;
}

function secretsOf(token: string) {
  const derive = (what: string) => createHmac('sha256', token).update(what).digest('base64url');
  return { state: derive('state'), nonce: derive('nonce'), verifier: derive('verifier') };
}

function identityOf(claims: Record<string, unknown>, groupsClaim: string): OidcIdentity {
  const { sub, email, email_verified } = Claims.parse(claims);
  const groups = z.array(z.string()).catch([]).parse(claims[groupsClaim]);
  return { kind: 'oidc', subject: sub, email: email_verified && email ? email.toLowerCase() : null, groups };
}

function asRefusal(error: unknown): OidcRefusal | OidcUnreachable {
  if (error instanceof OidcRefusal) return error;
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) {
    return new OidcRefusal(error.error, { cause: error });
  }
  const code = (error as { code?: string }).code ?? '';
  const isUnanswered = error instanceof TypeError || code === 'OAUTH_TIMEOUT'; // what fetch throws without an answer
  return isUnanswered
    ? new OidcUnreachable('it does not answer', { cause: error })
    : new OidcRefusal(code || 'invalid answer', { cause: error });
}
