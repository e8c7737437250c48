import type { Scope } from '../shared/api-key.ts';

/**
 * The scope that a call of `/v1` takes. It follows from the address alone, so that no new call is open by oversight.
 *
 * @param path - an address or its template; like the router it makes no difference between upper and lower case.
 */
export function requiredScope(method: string, path: string): Scope {
  const [, , collection = '', action] = path.toLowerCase().split('/');
  if (collection === 'erasures') return 'erasure:write';
  if (collection === 'callbacks' || collection === 'callback-endpoints') return 'callbacks:manage';
  const onlyReads = ['GET', 'HEAD'].includes(method.toUpperCase()) || action === 'search';
  return onlyReads ? 'verifications:read' : 'verifications:write';
}
