import { describe, expect } from 'vitest';
import { createKnownApiKeys } from '../../src/api/known-api-keys.ts';
import { type ApiKey, SCOPES, type Scope } from '../../src/shared/api-key.ts';
import { type ApiKeyStore, createApiKeyStore } from '../../src/shared/api-key-store.ts';
import { createKeys } from '../../src/shared/keys.ts';
import { createRunScript } from '../../src/shared/redis-scripts.ts';
import type { VerificationView } from '../../src/shared/verification-view.ts';
import { it as base, everythingIn, freshNumber, MINUTE, SECOND, type Service, startService } from '../fixtures.ts';

const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

interface Fixtures {
  service: Service;
  /** What the command line uses. */
  store: ApiKeyStore;
}

const it = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
  service: async ({}, use) => {
    const service = await startService({ workers: 0 });
    await use(service);
    await service.close();
  },
  store: async ({ service }, use) => {
    await use(storeOf(service));
  },
});

function storeOf({ redis, clock }: Service): ApiKeyStore {
  return createApiKeyStore({ redis, runScript: createRunScript(redis), keys: createKeys(), clock });
}

const bearer = (text: string) => ({ authorization: `Bearer ${text}` });

async function read(service: Service, text: string) {
  const { status, body } = await service.call<{ code: string; detail: string; data: unknown[] }>(
    'GET',
    '/v1/verifications',
    undefined,
    bearer(text),
  );
  return { status, code: body.code, detail: body.detail };
}

const submit = (service: Service, text: string) =>
  service.call<VerificationView>('POST', '/v1/verifications', { to: freshNumber() }, bearer(text));

describe('a key that the command line made', () => {
  it('opens the API without a restart', async ({ service, store }) => {
    const { text } = await store.create('shop', SCOPES, null);

    expect(text).toMatch(/^rk_[0-9a-f]{16}_[\w-]{43}$/);
    expect((await submit(service, text)).status).toBe(202);
  });

  it('is stored as a hash, and never logged', async ({ service, store }) => {
    const { text } = await store.create('shop', SCOPES, null);
    await submit(service, text);
    const secret = text.split('_').slice(2).join('_');

    expect(await everythingIn(service.redis)).not.toContain(secret);
    expect(service.logged.join('')).not.toContain(secret);
  });

  it.each([
    ['another secret', (text: string) => `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`],
    ['another id', (text: string) => text.replace(/^rk_./, (start) => (start === 'rk_0' ? 'rk_1' : 'rk_0'))],
    ['no secret', (text: string) => text.slice(0, 20)],
    ['more at its end', (text: string) => `${text}A`],
    ['its secret alone', (text: string) => text.slice(20)],
    ['its hash as the secret', (text: string, { hash }: ApiKey) => `${text.slice(0, 20)}${hash.slice(0, 43)}`],
  ] as [string, (text: string, key: ApiKey) => string][])('is not known with %s', async (_what, forge) => {
    const service = await startService({ workers: 0 });
    const { key, text } = await storeOf(service).create('shop', SCOPES, null);
    const answer = await read(service, forge(text, key));
    await service.close();

    expect(answer).toEqual({ status: 401, code: 'unauthorized', detail: 'this API key is not known' });
  });

  it('sees what its name owns, also what another key of that name made, and nothing of another name', async ({
    service,
    store,
  }) => {
    const [first, second, stranger] = await Promise.all(
      ['shop', 'shop', 'bank'].map(async (name) => (await store.create(name, SCOPES, null)).text),
    );
    const { body } = await submit(service, first ?? '');
    const statusFor = async (text: string | undefined) =>
      (await service.call('GET', `/v1/verifications/${body.id}`, undefined, bearer(text ?? ''))).status;

    expect(await statusFor(second)).toBe(200);
    expect(await statusFor(stranger)).toBe(404);
    expect(await statusFor(undefined)).toBe(401);
  });

  it('shares its verifications with the key of that name in the environment', async ({ service, store }) => {
    const { text } = await store.create('test', SCOPES, null);
    const { id } = await service.submit({ to: freshNumber() });

    expect((await service.call('GET', `/v1/verifications/${id}`, undefined, bearer(text))).status).toBe(200);
  });

  it('is taken until it expires', async ({ service, store }) => {
    const { text } = await store.create('shop', SCOPES, service.clock.now() + HOUR);
    expect((await read(service, text)).status).toBe(200);
    service.clock.advance(HOUR);

    expect(await read(service, text)).toEqual({
      status: 401,
      code: 'unauthorized',
      detail: 'this API key has expired',
    });
  });

  it('can be given an end later, so that its owner changes over to a second one', async ({ service, store }) => {
    const old = await store.create('shop', SCOPES, null);
    const fresh = await store.create('shop', SCOPES, null);
    await store.expire(old.key.id, service.clock.now() + DAY);

    expect([(await read(service, old.text)).status, (await read(service, fresh.text)).status]).toEqual([200, 200]);
    service.clock.advance(DAY);
    expect([(await read(service, old.text)).status, (await read(service, fresh.text)).status]).toEqual([401, 200]);
  });

  it('is dead at once when it is revoked, though it was remembered', async ({ service, store }) => {
    const { key, text } = await store.create('shop', SCOPES, null);
    expect((await read(service, text)).status).toBe(200);
    await store.revoke(key.id);

    await expect
      .poll(() => read(service, text), { interval: 5 })
      .toMatchObject({
        status: 401,
        detail: 'this API key was revoked',
      });
  });

  it('is not revoked by an unknown id', async ({ service, store }) => {
    await store.create('shop', SCOPES, null);

    expect(await store.revoke('0000000000000000')).toBeUndefined();
    expect(await service.redis.exists(createKeys().apiKey('0000000000000000'))).toBe(0);
  });

  it('tells whoever does not have its secret nothing about its end', async ({ service, store }) => {
    const { key } = await store.create('shop', SCOPES, null);
    await store.revoke(key.id);

    expect((await read(service, `rk_${key.id}_${'A'.repeat(43)}`)).detail).toBe('this API key is not known');
  });
});

describe('the scopes of a key', () => {
  const CALLS: [Scope, string, string][] = [
    ['verifications:write', 'POST', '/v1/verifications'],
    ['verifications:write', 'POST', '/v1/verifications/x/checks'],
    ['verifications:write', 'POST', '/v1/verifications/x/attempts'],
    ['verifications:write', 'POST', '/v1/verifications/x/cancel'],
    ['verifications:read', 'GET', '/v1/verifications'],
    ['verifications:read', 'POST', '/v1/verifications/search'],
    ['verifications:write', 'POST', '/v1/simulate'],
    ['verifications:read', 'GET', '/v1/verifications/x'],
    ['verifications:read', 'GET', '/v1/verifications/x/callbacks'],
    ['verifications:read', 'GET', '/v1/verifications/x/timeline'],
    ['callbacks:manage', 'GET', '/v1/callbacks'],
    ['callbacks:manage', 'GET', '/v1/CallBacks/'],
    ['callbacks:manage', 'POST', '/v1/callbacks/x/replay'],
    ['callbacks:manage', 'POST', '/v1/callback-endpoints'],
    ['callbacks:manage', 'DELETE', '/v1/callback-endpoints/x'],
    ['callbacks:manage', 'POST', '/V1/callback-endpoints/x/rotate-secret'],
    ['erasure:write', 'POST', '/v1/erasures'],
  ];

  it('allow what they name; the rest is refused and names what is missing', async ({ service, store }) => {
    const texts = new Map<Scope, string>();
    const others = new Map<Scope, string>();
    for (const scope of SCOPES) {
      texts.set(scope, (await store.create('shop', [scope], null)).text);
      others.set(
        scope,
        (
          await store.create(
            'shop',
            SCOPES.filter((other) => other !== scope),
            null,
          )
        ).text,
      );
    }
    for (const [scope, method, path] of CALLS) {
      const body = method === 'POST' ? {} : undefined;
      const refused = await service.call(method, path, body, bearer(others.get(scope) ?? ''));
      const allowed = await service.call(method, path, body, bearer(texts.get(scope) ?? ''));

      expect([method, path, refused.status, refused.body['code'], refused.body['scope']]).toEqual([
        method,
        path,
        403,
        'forbidden',
        scope,
      ]);
      expect(refused.body['detail']).toContain(scope);
      expect([method, path, [200, 404, 422].includes(allowed.status)]).toEqual([method, path, true]);
    }
  });

  it('are all those of a key from the environment', async ({ service }) => {
    for (const [, method, path] of CALLS) {
      const { status } = await service.call(method, path, method === 'POST' ? {} : undefined);
      expect([method, path, [200, 404, 422].includes(status)]).toEqual([method, path, true]);
    }
  });

  it('are in the reference, for every call', async ({ service }) => {
    const { body } = await service.call<{
      paths: Record<string, Record<string, { security?: unknown; description?: string; responses: object }>>;
    }>('GET', '/openapi.json');
    const calls = Object.entries(body.paths).flatMap(([path, item]) =>
      path.startsWith('/v1/') ? Object.entries(item).map(([method, call]) => ({ path, method, call })) : [],
    );

    expect(calls.length).toBeGreaterThan(15);
    for (const { path, method, call } of calls) {
      expect([path, method, call.security]).toEqual([path, method, [{ apiKey: [expect.stringMatching(/^\w+:\w+$/)] }]]);
      expect(call.description).toContain('Takes the scope');
      expect(Object.keys(call.responses)).toContain('403');
    }
    const cancel = body.paths['/v1/verifications/{id}/cancel']?.['post'];
    expect(cancel?.security).toEqual([{ apiKey: ['verifications:write'] }]);
  });
});

describe('the last day of use', () => {
  it('is noted once a day', async ({ service, store }) => {
    const { key, text } = await store.create('shop', SCOPES, null);
    expect((await store.read(key.id))?.lastUsedDay).toBeNull();
    await read(service, text);

    const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
    await expect.poll(async () => (await store.read(key.id))?.lastUsedDay).toBe(day(service.clock.now()));
    service.clock.advance(DAY);
    await read(service, text);
    await expect.poll(async () => (await store.read(key.id))?.lastUsedDay).toBe(day(service.clock.now()));
  });

  it('never brings back a key that has vanished', async ({ service, store }) => {
    const { key } = await store.create('shop', SCOPES, null);
    await service.redis.del(createKeys().apiKey(key.id));
    await store.noteUse(key.id, '2026-11-23');

    expect(await service.redis.exists(createKeys().apiKey(key.id))).toBe(0);
    expect(await store.list()).toEqual([]);
  });
});

describe('the list of keys', () => {
  it('holds those of a name or all, without their secrets, and ended ones for 90 days', async ({ service, store }) => {
    const first = await store.create('shop', ['verifications:read'], null);
    const second = await store.create('bank', SCOPES, service.clock.now() + DAY);
    await store.revoke(first.key.id);

    expect((await store.list()).map(({ id }) => id)).toEqual([first.key.id, second.key.id]);
    expect(await store.list('shop')).toMatchObject([{ id: first.key.id, scopes: ['verifications:read'] }]);
    const lives = await Promise.all([first, second].map(({ key }) => service.redis.pttl(createKeys().apiKey(key.id))));
    expect(lives[0]).toBeGreaterThan(89 * DAY);
    expect(lives[0]).toBeLessThanOrEqual(90 * DAY);
    expect(lives[1]).toBeGreaterThan(90 * DAY);
  });
});

describe('while Redis is away', () => {
  it('a key from the environment still authenticates, and the store is what is unavailable', async () => {
    const service = await startService({ workers: 0 });
    const { text } = await storeOf(service).create('shop', SCOPES, null);
    const elsewhere = await startService({ workers: 0, env: { REDIS_URL: 'redis://127.0.0.1:1' } });
    try {
      const configured = await elsewhere.call('GET', '/v1/verifications');
      const stored = await elsewhere.call('GET', '/v1/verifications', undefined, bearer(text));
      const unknown = await elsewhere.call('GET', '/v1/verifications', undefined, bearer('no-key-at-all'));

      expect([configured.status, stored.status, unknown.status]).toEqual([503, 503, 401]);
    } finally {
      await Promise.all([service.close(), elsewhere.close()]);
    }
  });
});

describe('what a process remembers of keys', () => {
  const KEY: ApiKey = {
    id: '0123456789abcdef',
    name: 'shop',
    scopes: [...SCOPES],
    hash: '00',
    createdAt: 0,
    expiresAt: null,
    revokedAt: null,
    lastUsedDay: null,
  };

  /** A process whose store counts, on a real subscription. */
  async function processOn(service: Service) {
    const subscriber = service.redis.duplicate();
    let reads = 0;
    let answer = () => Promise.resolve<ApiKey | undefined>(KEY);
    const noted: string[] = [];
    const known = createKnownApiKeys({
      store: {
        read: () => {
          reads += 1;
          return answer();
        },
        noteUse: async (_id, day) => void noted.push(day),
      },
      subscriber,
      keys: createKeys(),
      clock: service.clock,
    });
    const readsForTwo = async () => {
      const before = reads;
      await known.find(KEY.id);
      await known.find(KEY.id);
      return reads - before;
    };
    await expect.poll(readsForTwo).toBeLessThan(2); // by then it hears
    return {
      known,
      subscriber,
      noted,
      reads: () => reads,
      answerWith(next: () => Promise<ApiKey | undefined>) {
        answer = next;
      },
    };
  }

  it('spares a round trip, for half a minute', async ({ service }) => {
    const { known, reads, subscriber } = await processOn(service);
    const before = reads();
    for (let i = 0; i < 5; i++) await known.find(KEY.id);
    expect(reads()).toBe(before);

    service.clock.advance(30 * SECOND);
    await known.find(KEY.id);
    expect(reads()).toBe(before + 1);
    subscriber.disconnect();
  });

  it('does not hold what was read before a change was heard', async ({ service }) => {
    const { known, reads, answerWith, subscriber } = await processOn(service);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    answerWith(async () => {
      await held;
      return KEY;
    });
    const hear = () => new Promise((resolve) => subscriber.once('message', resolve));
    const forgotten = hear();
    await service.redis.publish(createKeys().apiKeyChanges, KEY.id);
    await forgotten;
    const heard = hear();
    const stale = known.find(KEY.id);
    await service.redis.publish(createKeys().apiKeyChanges, KEY.id);
    await heard;
    release();
    await stale;
    const before = reads();
    await known.find(KEY.id);

    expect(reads()).toBe(before + 1);
    subscriber.disconnect();
  });

  it('is nothing while it cannot hear', async ({ service }) => {
    const { known, reads, subscriber } = await processOn(service);
    await known.find(KEY.id);
    const closed = new Promise((resolve) => subscriber.once('close', resolve));
    subscriber.disconnect();
    await closed;
    const before = reads();
    for (let i = 0; i < 3; i++) await known.find(KEY.id);

    expect(reads()).toBe(before + 3);
  });

  it('notes the use of a remembered key once a day', async ({ service }) => {
    const { known, noted, subscriber } = await processOn(service);
    for (let i = 0; i < 3; i++) {
      const key = await known.find(KEY.id);
      if (key) known.noteUse(key);
    }
    expect(noted).toHaveLength(1);
    service.clock.advance(DAY);
    const key = await known.find(KEY.id);
    if (key) known.noteUse(key);
    expect(noted).toHaveLength(2);
    subscriber.disconnect();
  });
});
