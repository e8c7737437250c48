import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import { ProblemError } from './problems.ts';

interface ApiKey {
  name: string;
  secret: string;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/**
 * Lets only holders of an API key in. All keys are compared, in constant time, so that the time to answer tells
 * nothing about which one was nearly right.
 */
export function createAuthenticate(keys: readonly ApiKey[]): RequestHandler {
  const known = keys.flatMap(({ name, secret }) => [
    { name, digest: digest(secret) },
    { name, digest: digest(`${name}:${secret}`) }, // the entry of API_KEYS as it stands there
  ]);
  return (request, response, next) => {
    const [, token] = /^Bearer +(\S+) *$/i.exec(request.get('authorization') ?? '') ?? [];
    if (token === undefined) {
      throw new ProblemError('unauthorized', 'send an API key: "Authorization: Bearer <api key>"');
    }
    const given = digest(token);
    let owner: string | undefined;
    for (const key of known) if (timingSafeEqual(key.digest, given)) owner = key.name;
    if (owner === undefined) throw new ProblemError('unauthorized', 'this API key is not known');
    response.locals['owner'] = owner;
    next();
  };
}

/** The name of the API key that the request came with. */
export function ownerOf(response: Response): string {
  return String(response.locals['owner']);
}
