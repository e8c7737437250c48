import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from '../../src/shared/redis-address.ts';

describe('the address of Redis', () => {
  it('may be one server', () => {
    expect(parseRedisUrl('rediss://user:p%40ss@redis.example:6380/1')).toEqual({
      kind: 'single',
      url: 'rediss://user:p%40ss@redis.example:6380/1',
      username: 'user',
      password: 'p@ss',
      tls: true,
    });
  });

  it('may be Sentinels, and the primary that they watch', () => {
    expect(parseRedisUrl('redis-sentinel://:a,b@c%2Fd@one,two:5000,[::1]:6000/my-master/3')).toEqual({
      kind: 'sentinel',
      sentinels: [
        { host: 'one', port: 26_379 },
        { host: 'two', port: 5_000 },
        { host: '::1', port: 6_000 },
      ],
      primary: 'my-master',
      database: 3,
      username: undefined,
      password: 'a,b@c/d',
      tls: false,
    });
    expect(parseRedisUrl('rediss-sentinel://one/primary')).toMatchObject({ database: 0, tls: true });
  });

  it('may be some nodes of a Cluster', () => {
    expect(parseRedisUrl('redis-cluster://app:secret@one,two:7001')).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'one', port: 6_379 },
        { host: 'two', port: 7_001 },
      ],
      username: 'app',
      password: 'secret',
      tls: false,
    });
  });
});
