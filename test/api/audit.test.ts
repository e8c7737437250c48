import { describe, expect } from 'vitest';
import { it as base, freshNumber, OTHER_API_KEY, type Service, startService } from '../fixtures.ts';

interface Page {
  data: { id: string; action: string; actor: string; subject: string | null; reason: string | null }[];
  next_cursor: string | null;
}

const it = base.extend<{ service: Service }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
  service: async ({}, use) => {
    const service = await startService({ workers: 0, env: { LIMIT_NUMBER: '1/h' } });
    await use(service);
    await service.close();
  },
});

/** Submits a number that was submitted before, so that it is refused. */
async function beRefused(service: Service): Promise<string> {
  const to = freshNumber();
  await service.submit({ to });
  expect((await service.call('POST', '/v1/verifications', { to, if_active: 'replace' })).status).toBe(429);
  return to;
}

const read = (service: Service, query = '', headers = {}) =>
  service.call<Page>('GET', `/v1/audit${query}`, undefined, headers);

describe('GET /v1/audit', () => {
  it('tells a key what was refused and why, with the number masked, and another key nothing', async ({ service }) => {
    const to = await beRefused(service);
    await expect.poll(async () => (await read(service)).body.data.length).toBe(1);
    const { body } = await read(service);
    expect(body.data).toMatchObject([
      { actor: 'api-key:test', action: 'request.limited', subject: `+1••••••••${to.slice(-2)}`, reason: 'number' },
    ]);
    const other = await read(service, '', { authorization: `Bearer ${OTHER_API_KEY}` });
    expect(other.body).toMatchObject({ data: [], next_cursor: null });
  });

  it('is read page by page', async ({ service }) => {
    for (let i = 0; i < 3; i++) await beRefused(service);
    await expect.poll(async () => (await read(service)).body.data.length).toBe(3);
    const all = (await read(service)).body.data.map(({ id }) => id);
    const first = await read(service, '?limit=2');
    const second = await read(service, `?limit=2&cursor=${first.body.next_cursor}`);
    expect([...first.body.data, ...second.body.data].map(({ id }) => id)).toEqual(all);
    expect(second.body.next_cursor).toBeNull();
  });

  it.each(['?cursor=nonsense', '?limit=0', '?owner=other'])('refuses %s', async (query) => {
    const service = await startService({ workers: 0 });
    expect((await read(service, query)).status).toBe(422);
    await service.close();
  });
});
