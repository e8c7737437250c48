import { Webhook } from 'standardwebhooks';
import { describe, expect } from 'vitest';
import { type CallbackReceiver, startCallbackReceiver } from '../callback-receiver.ts';
import { it as base, freshNumber, OTHER_API_KEY, SECOND, type Service } from '../fixtures.ts';

const PATH = '/v1/callback-endpoints';
const DAY = 24 * 3600 * SECOND;

interface Endpoint {
  id: string;
  secret: string;
  disabled: boolean;
  [member: string]: unknown;
}

/** Beside the service: a receiver that only endpoints point to. */
const it = base.extend<{ receiver: CallbackReceiver }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
  receiver: async ({}, use) => {
    const receiver = await startCallbackReceiver();
    await use(receiver);
    await receiver.close();
    expect(receiver.faults).toEqual([]);
  },
});

async function register(service: Service, body: Record<string, unknown>): Promise<Endpoint> {
  const answer = await service.call<Endpoint>('POST', PATH, body);
  expect(answer.status).toBe(201);
  return answer.body;
}

const read = async (service: Service, id: string) => (await service.call<Endpoint>('GET', `${PATH}/${id}`)).body;

describe('a callback endpoint', () => {
  it('is made with a secret that is shown once', async ({ service, receiver }) => {
    const made = await service.call<Endpoint>('POST', PATH, { url: receiver.url, description: 'billing' });

    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`${PATH}/${made.body.id}`);
    expect(made.body).toMatchObject({
      object: 'callback_endpoint',
      url: receiver.url,
      types: null,
      description: 'billing',
      disabled: false,
      disabled_reason: null,
    });
    expect(Buffer.from(made.body.secret.slice('whsec_'.length), 'base64')).toHaveLength(32);
    const { secret, ...rest } = made.body;
    expect(await read(service, made.body.id)).toEqual(rest);
    const list = await service.call<{ data: Endpoint[] }>('GET', PATH);
    expect(list.body.data).toEqual([rest]);
    expect(JSON.stringify(list.body)).not.toContain(secret);
  });

  it('gets every event, signed with its own secret, beside the configured target', async ({ service, receiver }) => {
    const { secret } = await register(service, { url: receiver.url });
    const to = freshNumber();
    const { id } = await service.submit({ to });
    await service.receiver.event('verification.attempt.sent', id);
    await service.check(id, (await service.sandbox.nextMessage(to)).code);

    const own = await receiver.event('verification.approved', id);
    const configured = await service.receiver.event('verification.approved', id);

    expect(new Webhook(secret).verify(own.raw, own.headers as Record<string, string>)).toEqual(own.body);
    expect(own.raw).toBe(configured.raw);
    expect(own.headers['webhook-id']).toBe(configured.headers['webhook-id']);
    expect(() => new Webhook(secret).verify(configured.raw, configured.headers as Record<string, string>)).toThrow();
  });

  it('gets only the events it asks for', async ({ service, receiver }) => {
    await register(service, { url: receiver.url, types: ['verification.canceled'] });
    const { id } = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', id);
    await service.call('POST', `/v1/verifications/${id}/cancel`);

    await receiver.event('verification.canceled', id);
    expect(receiver.received.map((d) => d.body.type)).toEqual(['verification.canceled']);
  });

  it('that is registered while a verification runs gets what happens from then on', async ({ service, receiver }) => {
    const { id } = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', id);
    await register(service, { url: receiver.url });
    await service.call('POST', `/v1/verifications/${id}/cancel`);

    const { body } = await receiver.event('verification.canceled', id);
    expect(body.data.sequence).toBe(2);
    expect(receiver.received).toHaveLength(1);
  });

  it('gets nothing while it is disabled, or once it is deleted', async ({ service, receiver }) => {
    const { id: endpoint } = await register(service, { url: receiver.url });
    await service.call('PATCH', `${PATH}/${endpoint}`, { disabled: true });
    expect(await read(service, endpoint)).toMatchObject({ disabled: true, disabled_reason: 'requested' });
    const first = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', first.id);
    await service.call('PATCH', `${PATH}/${endpoint}`, { disabled: false });
    const second = await service.submit({ to: freshNumber() });
    await receiver.event('verification.attempt.sent', second.id);
    expect((await service.call('DELETE', `${PATH}/${endpoint}`)).status).toBe(204);
    const third = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', third.id);

    expect(receiver.received.map((d) => d.body.data.verification.id)).toEqual([second.id]);
    expect((await service.call('GET', `${PATH}/${endpoint}`)).status).toBe(404);
  });

  it('may move: what is still to be delivered goes to the new address', async ({ service, receiver }) => {
    const { id } = await register(service, { url: 'http://127.0.0.1:1/' });
    await service.queues.callbacks.pause();
    const v = await service.submit({ to: freshNumber() });
    await expect.poll(() => service.queues.callbacks.getJobCountByTypes('wait')).toBe(2);
    await service.call('PATCH', `${PATH}/${id}`, { url: receiver.url });
    await service.queues.callbacks.resume();

    await receiver.event('verification.attempt.sent', v.id);
  });

  it("is nobody else's", async ({ service, receiver }) => {
    const { id } = await register(service, { url: receiver.url });
    const other = { authorization: `Bearer ${OTHER_API_KEY}` };
    const v = await service.call('POST', '/v1/verifications', { to: freshNumber() }, other);
    await service.receiver.event('verification.attempt.sent', String(v.body['id']));

    expect(receiver.received).toHaveLength(0);
    expect((await service.call('GET', PATH, undefined, other)).body).toMatchObject({ data: [] });
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { disabled: true }],
      ['DELETE', '', undefined],
      ['POST', '/rotate-secret', {}],
      ['POST', '/test', undefined],
      ['POST', '/replay', { since: '2026-01-01T00:00:00Z' }],
    ] as const) {
      const answer = await service.call(method, `${PATH}/${id}${path}`, body, other);
      expect([method, path, answer.status]).toEqual([method, path, 404]);
    }
  });

  it.for<[string, string, Record<string, unknown>]>([
    ['no address', '/url', {}],
    ['an address that is none', '/url', { url: 'nowhere' }],
    ['a private address', '/url', { url: 'https://10.0.0.1/' }],
    ['an unknown event', '/types/0', { url: 'https://client.example/', types: ['verification.done'] }],
    ['no event', '/types', { url: 'https://client.example/', types: [] }],
    ['an unknown field', '/secret', { url: 'https://client.example/', secret: 'x' }],
  ])('is refused with %s', async ([, pointer, body], { service }) => {
    const answer = await service.call<{ errors: { pointer: string }[] }>('POST', PATH, body);

    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((e) => e.pointer)).toEqual([pointer]);
  });

  it('is one of at most 20', async ({ service, receiver }) => {
    for (let i = 0; i < 20; i++) await register(service, { url: receiver.url });

    expect((await service.call('POST', PATH, { url: receiver.url })).body).toMatchObject({
      status: 409,
      code: 'endpoint-limit',
    });
  });
});

describe('a rotated secret', () => {
  it('signs beside the old one, which ends after a day', async ({ service, receiver }) => {
    const { id, secret: old } = await register(service, { url: receiver.url });
    const { body } = await service.call<Endpoint>('POST', `${PATH}/${id}/rotate-secret`);
    const verifies = (secret: string, d: { raw: string; headers: unknown }) => {
      try {
        new Webhook(secret).verify(d.raw, d.headers as Record<string, string>);
        return true;
      } catch {
        return false;
      }
    };
    const first = await service.submit({ to: freshNumber() });
    const during = await receiver.event('verification.attempt.sent', first.id);

    expect([verifies(old, during), verifies(body.secret, during)]).toEqual([true, true]);
    await service.call('POST', `${PATH}/${id}/rotate-secret`, { expires_in: 0 });
    const second = await service.submit({ to: freshNumber() });
    const after = await receiver.event('verification.attempt.sent', second.id);
    expect([verifies(old, after), verifies(body.secret, after)]).toEqual([false, false]);
  });

  it.for([-1, 604_801, 1.5, '60'])('is refused with a life of %j', async (seconds, { service, receiver }) => {
    const { id } = await register(service, { url: receiver.url });

    expect((await service.call('POST', `${PATH}/${id}/rotate-secret`, { expires_in: seconds })).status).toBe(422);
  });
});

describe('a test event', () => {
  it('goes to the one endpoint, signed, and stands in the log', async ({ service, receiver }) => {
    const { id, secret } = await register(service, { url: receiver.url, types: ['verification.approved'] });
    const { status, body } = await service.call('POST', `${PATH}/${id}/test`);

    expect(status).toBe(202);
    const { raw, headers } = await receiver.first((d) => d.body.type === 'callback_endpoint.test');
    expect(new Webhook(secret).verify(raw, headers as Record<string, string>)).toMatchObject({
      data: { callback_endpoint: { id } },
    });
    expect(raw).not.toContain(secret);
    await expect
      .poll(async () => (await service.call<{ data: unknown[] }>('GET', `/v1/callbacks?endpoint=${id}`)).body.data)
      .toMatchObject([{ id: body['id'], status: 'delivered', verification_id: null, sequence: null }]);
  });
});

describe('an endpoint that does not want or cannot take any more', () => {
  it('is disabled by a 410, and the others are told', async ({ service, receiver }) => {
    const { id } = await register(service, { url: service.receiver.url.replace('/hooks', '/gone') });
    await register(service, { url: receiver.url, types: ['callback_endpoint.disabled'] });
    service.receiver.answerWith({ status: 410 }, { status: 410 });
    await service.submit({ to: freshNumber() });

    const told = await receiver.first((d) => d.body.type === 'callback_endpoint.disabled');

    expect(told.body.data).toMatchObject({ callback_endpoint: { id, disabled: true, disabled_reason: 'gone' } });
    expect(await read(service, id)).toMatchObject({ disabled: true, disabled_reason: 'gone' });
  });

  it('is disabled when it has only failed, ten times at least and for five days', async ({ service, receiver }) => {
    const dead = await register(service, { url: 'http://127.0.0.1:1/' });
    await register(service, { url: receiver.url, types: ['callback_endpoint.disabled'] });
    for (let i = 0; i < 4; i++) {
      const { id } = await service.submit({ to: freshNumber() });
      await service.receiver.event('verification.attempt.sent', id);
    }
    const exhausted = `/v1/callbacks?endpoint=${dead.id}&status=exhausted`;
    const log = async () => (await service.call<{ data: { id: string }[] }>('GET', exhausted)).body.data;
    await expect.poll(async () => (await log()).length).toBe(4);
    expect(await read(service, dead.id)).toMatchObject({ disabled: false });

    service.clock.advance(5 * DAY);
    await service.call('POST', `/v1/callbacks/${(await log())[0]?.id}/replay`);

    await receiver.first((d) => d.body.type === 'callback_endpoint.disabled');
    expect(await read(service, dead.id)).toMatchObject({ disabled: true, disabled_reason: 'failing' });
  });
});

describe('a range', () => {
  it('is replayed to one endpoint, by time and type', async ({ service, receiver }) => {
    const { id: endpoint } = await register(service, { url: receiver.url });
    const { id } = await service.submit({ to: freshNumber() });
    await receiver.event('verification.attempt.sent', id);
    await service.call('POST', `/v1/verifications/${id}/cancel`);
    await receiver.event('verification.canceled', id);
    const since = new Date(service.clock.now() - 60_000).toISOString();

    const { status, body } = await service.call('POST', `${PATH}/${endpoint}/replay`, {
      since,
      types: ['verification.canceled'],
    });

    expect(status).toBe(202);
    expect(body).toMatchObject({ object: 'replay', replayed: 1, complete: true });
    await expect.poll(() => receiver.received.length).toBe(3);
    const [first, again] = receiver.received.filter((d) => d.body.type === 'verification.canceled');
    expect(again?.raw).toBe(first?.raw);
    expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect((await service.call('POST', `${PATH}/${endpoint}/replay`, { since: 'yesterday' })).status).toBe(422);
  });
});

describe('the list of callbacks', () => {
  it('is newest first, in pages, by status, endpoint and type', async ({ service, receiver }) => {
    const { id: endpoint } = await register(service, { url: receiver.url, types: ['verification.canceled'] });
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { id } = await service.submit({ to: freshNumber() });
      await service.receiver.event('verification.attempt.sent', id);
      await service.call('POST', `/v1/verifications/${id}/cancel`);
      await receiver.event('verification.canceled', id);
      ids.push(id);
    }
    interface Page {
      data: { id: string; verification_id: string; type: string; endpoint: string | null; created_at: string }[];
      next_cursor: string | null;
    }
    const page = async (query: string) => (await service.call<Page>('GET', `/v1/callbacks?${query}`)).body;

    const collected: Page['data'] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { data, next_cursor }: Page = await page(`limit=4${cursor && `&cursor=${cursor}`}`);
      collected.push(...data);
      cursor = next_cursor;
    }
    expect(collected).toHaveLength(15);
    expect(new Set(collected.map((c) => c.id)).size).toBe(15);
    expect(collected.map((c) => c.created_at)).toEqual(
      collected
        .map((c) => c.created_at)
        .toSorted()
        .toReversed(),
    );

    const own = await page(`endpoint=${endpoint}`);
    expect(own.data.map((c) => c.verification_id)).toEqual(ids.toReversed());
    expect((await page('type=verification.attempt.sent')).data).toHaveLength(5);
    await expect.poll(async () => (await page('status=delivered&limit=100')).data.length).toBe(15);
    expect((await page('status=pending')).data).toEqual([]);
    for (const query of [
      'limit=0',
      'limit=101',
      'status=lost',
      'endpoint=x',
      'cursor=%21',
      'color=red',
      'limit=1&limit=2',
    ]) {
      const answer = await service.call('GET', `/v1/callbacks?${query}`);
      expect([query, answer.status]).toEqual([query, 422]);
    }
  });
});

describe('a receiver that hangs', () => {
  it('holds up nobody else', async ({ service, receiver }) => {
    const hanging = await startCallbackReceiver();
    hanging.hang();
    try {
      await register(service, { url: hanging.url });
      await register(service, { url: receiver.url });
      const ids = await Promise.all(
        Array.from({ length: 60 }, async () => (await service.submit({ to: freshNumber() })).id),
      );

      await Promise.all(ids.map((id) => receiver.event('verification.attempt.sent', id)));
      expect(hanging.received.length).toBeLessThanOrEqual(10);
    } finally {
      hanging.release();
      await hanging.close();
    }
  });
});
