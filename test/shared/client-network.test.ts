import { describe, expect, it } from 'vitest';
import { hashClient, networkOf } from '../../src/shared/client-network.ts';

describe("an end user's network", () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::', 'fe80:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it('is hashed with a key', () => {
    expect(hashClient('a', '192.0.2.1')).toBe(hashClient('a', '::ffff:192.0.2.1'));
    expect(hashClient('a', '192.0.2.1')).not.toBe(hashClient('b', '192.0.2.1'));
    expect(hashClient('a', '192.0.2.1')).not.toBe(hashClient('a', '192.0.2.2'));
  });
});
