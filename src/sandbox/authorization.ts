import type { Request } from 'express';

/** Whether a request carries the credentials of the stand-in's project (RFC 7617). */
export type IsAuthorized = (request: Request) => boolean;

export function createIsAuthorized(projectKey: string, token: string): IsAuthorized {
  const expected = `Basic ${Buffer.from(`${projectKey}:${token}`).toString('base64')}`;
  return (request) => request.headers.authorization === expected;
}
