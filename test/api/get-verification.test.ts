import { describe, expect } from 'vitest';
import { freshNumber, it, MINUTE, type Service } from '../fixtures.ts';

const PATH = (id: string) => `/v1/verifications/${id}`;
const wait = (service: Service, id: string, headers: Record<string, string>) =>
  service.call('GET', PATH(id), undefined, { prefer: 'wait=20', ...headers });

/** A verification whose text is out, and its ETag. */
async function texted(service: Service) {
  const to = freshNumber();
  const { id } = await service.submit({ to });
  await service.receiver.event('verification.attempt.sent', id);
  const { code } = await service.sandbox.nextMessage(to);
  await expect.poll(() => service.queues.sms.getCompletedCount()).toBe(1);
  const etag = String((await service.call('GET', PATH(id))).headers.get('etag'));
  return { id, code, etag };
}

describe('reading a verification', () => {
  it('answers 304 while it is as the client knows it', async ({ service }) => {
    const { id, etag } = await texted(service);

    for (const known of [etag, `W/${etag}`, `"0", ${etag}`, '*']) {
      const answer = await service.call('GET', PATH(id), undefined, { 'if-none-match': known });
      expect([known, answer.status, answer.headers.get('etag')]).toEqual([known, 304, etag]);
    }
    expect((await service.call('GET', PATH(id), undefined, { 'if-none-match': '"0"' })).status).toBe(200);
  });

  it('waits for a change from what the client knows', async ({ service }) => {
    const { id, etag, code } = await texted(service);
    const waiting = wait(service, id, { 'if-none-match': etag });
    await service.check(id, code);

    const answer = await waiting;
    expect(answer.status).toBe(200);
    expect(answer.headers.get('preference-applied')).toBe('wait=20');
    expect(answer.headers.get('etag')).not.toBe(etag);
  });

  it('waits until it is closed, without a state to compare with', async ({ service }) => {
    const { id, code } = await texted(service);
    const waiting = wait(service, id, {});
    await service.check(id, '000000');
    await service.check(id, code);

    expect((await waiting).body).toMatchObject({ status: 'approved' });
  });

  it('answers at once when there is nothing to wait for', async ({ service }) => {
    const { id } = await texted(service);
    expect((await wait(service, id, { 'if-none-match': '"0"' })).status).toBe(200);
    await service.call('POST', `${PATH(id)}/cancel`);

    expect((await wait(service, id, {})).body).toMatchObject({ status: 'canceled' });
  });

  it('answers 304, or the state, when the time is over', async ({ service }) => {
    const { id, etag } = await texted(service);
    const [same, open] = await Promise.all([
      wait(service, id, { prefer: 'respond-async, wait=1', 'if-none-match': etag }),
      wait(service, id, { prefer: 'wait=1' }),
    ]);

    expect([same.status, open.status, open.body['status']]).toEqual([304, 200, 'pending']);
  });

  it('answers all who wait when the process has to go', async ({ service }) => {
    const { id, etag } = await texted(service);
    const waiting = Array.from({ length: 20 }, () => wait(service, id, { 'if-none-match': etag }));
    await expect.poll(async () => service.api.waiting()).toBe(20);

    const closing = service.api.close();
    expect((await Promise.all(waiting)).map((answer) => answer.status)).toEqual(Array(20).fill(304));
    await closing;
  });

  it.for(['wait=0', 'wait=61', 'wait=x', 'wait='])('refuses Prefer: %s', async (prefer, { service }) => {
    const { id } = await service.submit({ to: freshNumber() });

    expect((await service.call('GET', PATH(id), undefined, { prefer })).status).toBe(422);
  });
});

interface Page {
  data: { id: string; status: string; created_at: string }[];
  next_cursor: string | null;
}

describe('the list of verifications', () => {
  it('is newest first, in pages that new ones do not disturb', async ({ service }) => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.push((await service.submit({ to: freshNumber() })).id);
    const page = async (query: string) => (await service.call<Page>('GET', `/v1/verifications?${query}`)).body;

    const first = await page('limit=3');
    await service.submit({ to: freshNumber() });
    const second = await page(`limit=3&cursor=${first.next_cursor}`);
    const third = await page(`limit=3&cursor=${second.next_cursor}`);

    expect([...first.data, ...second.data, ...third.data].map((v) => v.id)).toEqual(ids.toReversed());
    expect(third.next_cursor).toBeNull();
  });

  it('is filtered by status and reference', async ({ service }) => {
    const a = await service.submit({ to: freshNumber(), reference: 'order 1' });
    const b = await service.submit({ to: freshNumber(), reference: 'order 1' });
    await service.submit({ to: freshNumber(), reference: 'order 2' });
    await service.call('POST', `${PATH(a.id)}/cancel`);
    const ids = async (query: string) =>
      (await service.call<Page>('GET', `/v1/verifications?${query}`)).body.data.map((v) => v.id);

    expect(await ids('reference=order%201')).toEqual([b.id, a.id]);
    expect(await ids('reference=order%201&status=canceled')).toEqual([a.id]);
    expect(await ids('status=canceled')).toEqual([a.id]);
    expect(await ids('reference=none')).toEqual([]);
  });

  it('shows one that has run out of time as ended, although no job has noticed', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    await service.receiver.event('verification.attempt.sent', id);
    service.clock.advance(11 * MINUTE);

    const { body } = await service.call<Page>('GET', '/v1/verifications?status=expired');
    expect(body.data.map((v) => v.id)).toEqual([id]);
  });

  it('is searched by number in a body, so that no number stands in a URL', async ({ service }) => {
    const to = freshNumber();
    const first = await service.submit({ to });
    await service.call('POST', `${PATH(first.id)}/cancel`);
    const second = await service.submit({ to });
    await service.submit({ to: freshNumber() });
    const search = async (body: Record<string, unknown>) =>
      (await service.call<Page>('POST', '/v1/verifications/search', body)).body.data?.map((v) => v.id);

    expect(await search({ to })).toEqual([second.id, first.id]);
    expect(await search({ to, status: 'canceled' })).toEqual([first.id]);
    expect((await service.call('POST', '/v1/verifications/search', {})).status).toBe(422);
    for (const query of ['limit=0', 'limit=101', 'status=lost', 'cursor=x', `to=${encodeURIComponent(to)}`]) {
      const answer = await service.call('GET', `/v1/verifications?${query}`);
      expect([query, answer.status]).toEqual([query, 422]);
    }
  });
});
