import type { CookieOptions, Request, Response } from 'express';

/** `__Host-`: browsers take it only with Secure, for this very host and all its paths, so no other host can plant one. */
const SESSION = '__Host-ringback';
const DEVICE = '__Host-ringback-device';
const OPTIONS: CookieOptions = { secure: true, httpOnly: true, sameSite: 'strict', path: '/' };

export const readSessionCookie = (request: Request) => readCookie(request, SESSION);
export const readDeviceCookie = (request: Request) => readCookie(request, DEVICE);

/** Kept until the browser ends; the server ends the session before, whatever the browser does. */
export function setSessionCookie(response: Response, token: string): void {
  response.cookie(SESSION, token, OPTIONS);
}

export function setDeviceCookie(response: Response, token: string, maxAgeMs: number): void {
  response.cookie(DEVICE, token, { ...OPTIONS, maxAge: maxAgeMs });
}

export function clearSessionCookie(response: Response): void {
  response.clearCookie(SESSION, OPTIONS);
}

/** One cookie as we set them: without quotes and escapes, at most 64 characters of base64url. */
function readCookie(request: Request, name: string): string | undefined {
  const pairs = (request.get('cookie') ?? '').split(';').map((pair) => pair.trim());
  const value = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  return value !== undefined && /^[\w-]{1,64}$/.test(value) ? value : undefined;
}
