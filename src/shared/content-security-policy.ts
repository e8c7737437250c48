const SELF = "'self'";

/** Files, requests and pictures of this host; no inline script or style. */
export const OWN_FILES = { 'script-src': SELF, 'style-src': SELF, 'connect-src': SELF, 'img-src': "'self' data:" };

type Directive = keyof typeof OWN_FILES | 'font-src' | 'base-uri' | 'form-action';

/**
 * The `Content-Security-Policy` of a page: nothing but what is allowed, and never in a frame.
 *
 * @param allowed - sources by directive.
 * @see https://www.w3.org/TR/CSP3/
 */
export function contentSecurityPolicy(allowed: Partial<Record<Directive, string>>): string {
  const { 'base-uri': base = "'none'", 'form-action': forms = "'none'", ...sources } = allowed;
  const directives = {
    'default-src': "'none'",
    ...sources,
    'base-uri': base,
    'form-action': forms,
    'frame-ancestors': "'none'",
  };
  return Object.entries(directives)
    .map(([directive, source]) => `${directive} ${source}`)
    .join('; ');
}
