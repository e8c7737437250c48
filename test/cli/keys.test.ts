import { userInfo } from 'node:os';
import { describe, expect } from 'vitest';
import { it as base, everythingIn, type Service, startService } from '../fixtures.ts';
import { runCli } from './cli-process.ts';

interface Key {
  id: string;
  name: string;
  status: string;
  scopes: string[];
  expires_at: string | null;
  key: string;
}

const it = base.extend<{ service: Service }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
  service: async ({}, use) => {
    const service = await startService({ workers: 0 });
    await use(service);
    await service.close();
  },
});

const keysOf =
  ({ env }: Service) =>
  (...args: string[]) =>
    runCli(['keys', ...args], { REDIS_URL: env['REDIS_URL'] ?? '' });

async function create(service: Service, ...args: string[]): Promise<Key> {
  const { code, stdout, stderr } = await keysOf(service)('create', ...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

const statusFor = async (service: Service, key: string) =>
  (await service.call('GET', '/v1/verifications', undefined, { authorization: `Bearer ${key}` })).status;

describe('ringback keys', () => {
  it('makes a key that works at once, prints it once and stores it nowhere', async ({ service }) => {
    const { code, stdout, stderr } = await keysOf(service)('create', 'shop');
    const key = stdout.trim();

    expect(code).toBe(0);
    expect(stderr).toContain('told this once');
    expect(await statusFor(service, key)).toBe(200);
    const { stdout: listed } = await keysOf(service)('list');
    const secret = key.split('_').slice(2).join('_');
    expect(listed).toContain('shop');
    expect(listed + (await everythingIn(service.redis))).not.toContain(secret);
  });

  it('gives it the scopes and the life that it is asked for', async ({ service }) => {
    const before = service.clock.now();
    const key = await create(service, 'shop', '--scopes', 'verifications:read, callbacks:manage', '--in', '90d');

    expect(key).toMatchObject({ name: 'shop', status: 'live', scopes: ['verifications:read', 'callbacks:manage'] });
    const lifeMs = Date.parse(key.expires_at ?? '') - before;
    expect(Math.round(lifeMs / 86_400_000)).toBe(90);
  });

  it('lists the keys of a name, and revokes one and lets another expire', async ({ service }) => {
    const [first, second] = [await create(service, 'shop'), await create(service, 'shop')];
    await create(service, 'bank');
    const revoked = await keysOf(service)('revoke', first.id);
    const expired = await keysOf(service)('expire', second.id);
    const { stdout } = await keysOf(service)('list', 'shop', '--json');

    expect(revoked.stdout).toMatch(new RegExp(`^${first.id} of shop was revoked on `));
    expect(expired.stdout).toMatch(new RegExp(`^${second.id} of shop expired on `));
    expect((JSON.parse(stdout) as { data: Key[] }).data.map(({ id, status }) => [id, status])).toEqual([
      [first.id, 'revoked'],
      [second.id, 'expired'],
    ]);
    const audit = await runCli(['audit', '--json', '--limit', '2'], { REDIS_URL: service.env['REDIS_URL'] ?? '' });
    expect((JSON.parse(audit.stdout) as { data: unknown[] }).data).toMatchObject([
      { actor: `cli:${userInfo().username}`, action: 'api-key.expires', owner: 'shop', subject: second.id },
      { actor: `cli:${userInfo().username}`, action: 'api-key.revoked', owner: 'shop', subject: first.id },
    ]);
    await expect.poll(() => statusFor(service, first.key)).toBe(401);
    await expect.poll(() => statusFor(service, second.key)).toBe(401);
  });

  it.each([
    [[]],
    [['make', 'shop']],
    [['toString']],
    [['create']],
    [['create', 'a b']],
    [['create', 'shop', '--scopes', 'everything']],
    [['create', 'shop', '--in', 'soon']],
    [['revoke']],
    [['revoke', '0000000000000000']],
  ])('says what is wrong with %j', async (args) => {
    const service = await startService({ workers: 0 });
    const { code, stdout, stderr } = await keysOf(service)(...args);
    await service.close();

    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).not.toBe('');
  });

  it('says so when Redis is away', async () => {
    const away = await runCli(['keys', 'list'], { REDIS_URL: 'redis://127.0.0.1:1' });
    const unset = await runCli(['keys', 'list']);

    expect([away.code, away.stderr]).toEqual([8, expect.stringContaining('Redis is not usable')]);
    expect([unset.code, unset.stderr]).toEqual([2, expect.stringContaining('REDIS_URL')]);
  });
});
