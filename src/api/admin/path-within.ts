const START_PAGE = '/admin';
const BASE = 'http://here.invalid';

/** Where to go after the sign-in: only a page of `/admin` behind it, whatever the address asks for. */
export function pathWithin(wanted: unknown): string {
  const text = typeof wanted === 'string' ? wanted : '';
  const url = URL.canParse(text, BASE) ? new URL(text, BASE) : undefined;
  const isOurs = url?.origin === BASE && /^\/admin(?:\/(?!sign-|signed-|oidc\/)|$)/.test(url.pathname);
  return isOurs ? url.pathname + url.search : START_PAGE;
}
