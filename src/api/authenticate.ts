import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import { type ApiKey, endOf, hashSecret, parseKeyText, SCOPES, type Scope } from '../shared/api-key.ts';
import type { Clock } from '../shared/clock.ts';
import type { KnownApiKeys } from './known-api-keys.ts';
import { ProblemError } from './problems.ts';
import { requiredScope } from './required-scope.ts';

interface Deps {
  /** The keys of `API_KEYS`; they need no Redis. */
  configured: readonly { name: string; secret: string }[];
  stored: KnownApiKeys;
  clock: Clock;
}

/** Whom a request comes from. */
interface Caller {
  owner: string;
  scopes: readonly Scope[];
}

const digest = (text: string) => createHash('sha256').update(text).digest();
/** Compared with when there is no such key, so that an unknown id takes as long as a wrong secret. */
const NO_HASH = Buffer.alloc(32);
const UNKNOWN = 'this API key is not known';

/**
 * Lets only holders of an API key in, and only to what its scopes allow. All configured keys are compared, in constant
 * time, so that the time to answer tells nothing about which one was nearly right; a stored one is looked up by its id,
 * which is no secret.
 */
export function createAuthenticate({ configured, stored, clock }: Deps): RequestHandler {
  const known = configured.flatMap(({ name, secret }) => [
    { name, digest: digest(secret) },
    { name, digest: digest(`${name}:${secret}`) }, // the entry of API_KEYS as it stands there
  ]);

  function findConfigured(token: string): Caller | undefined {
    const given = digest(token);
    let owner: string | undefined;
    for (const key of known) if (timingSafeEqual(key.digest, given)) owner = key.name;
    return owner === undefined ? undefined : { owner, scopes: SCOPES };
  }

  async function findStored(token: string): Promise<Caller> {
    const parts = parseKeyText(token);
    if (parts === undefined) throw new ProblemError('unauthorized', UNKNOWN);
    const key: ApiKey | undefined = await stored.find(parts.id);
    const hash = key === undefined ? NO_HASH : Buffer.from(key.hash, 'hex');
    const isRight = timingSafeEqual(hash, hashSecret(parts.secret));
    if (key === undefined || !isRight) throw new ProblemError('unauthorized', UNKNOWN);
    const end = endOf(key, clock.now()); // told only to whoever has the secret
    if (end !== undefined)
      throw new ProblemError('unauthorized', `this API key ${end === 'revoked' ? 'was' : 'has'} ${end}`);
    stored.noteUse(key);
    return { owner: key.name, scopes: key.scopes };
  }

  return async (request, response, next) => {
    const [, token] = /^Bearer +(\S+) *$/i.exec(request.get('authorization') ?? '') ?? [];
    if (token === undefined) {
      throw new ProblemError('unauthorized', 'send an API key: "Authorization: Bearer <api key>"');
    }
    const { owner, scopes } = findConfigured(token) ?? (await findStored(token));
    response.locals['owner'] = owner;
    const scope = requiredScope(request.method, request.baseUrl + request.path);
    if (!scopes.includes(scope)) {
      throw new ProblemError('forbidden', `this API key lacks the scope ${scope}`, { members: { scope } });
    }
    next();
  };
}

/** The name of the API key that the request came with. */
export function ownerOf(response: Response): string {
  return String(response.locals['owner']);
}
