import { createHmac } from 'node:crypto';
import { isIPv4, SocketAddress } from 'node:net';

/**
 * What counts as one end user's network: an IPv4 address, or the /64 of an IPv6 one, since a single customer gets that
 * much (RFC 6177, RIPE 690). An IPv4-mapped IPv6 address is the IPv4 one.
 *
 * @param address - a valid IPv4 or IPv6 address; the zone of a link-local one does not count.
 */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address;
  const { address: canonical } = new SocketAddress({ address: address.replace(/%.*$/, ''), family: 'ipv6' });
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical);
  if (mapped?.[1] !== undefined) return mapped[1];
  const [head = '', tail] = canonical.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail ? tail.split(':') : [];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - left.length - right.length }, () => '0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}

/** Keyed hash of an end user's network, so that no address is stored. @param key - that of the number hash. */
export function hashClient(key: string, address: string): string {
  return hashOf(key, 'client', networkOf(address));
}

/** Keyed hash of the value of a custom key: it may be a name or an e-mail address. */
export function hashLimitKey(key: string, name: string, value: string): string {
  return hashOf(key, `limit-key:${name}`, value);
}

function hashOf(key: string, kind: string, value: string): string {
  return createHmac('sha256', key).update(`${kind}:${value}`).digest('hex').slice(0, 32);
}
