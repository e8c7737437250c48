import { describe, expect } from 'vitest';
import { API_KEY, freshNumber, it, MINUTE, OTHER_API_KEY, type Service } from '../fixtures.ts';

interface Entry {
  id: string;
  at: string;
  type: string;
  text: string;
  data: Record<string, unknown>;
}

const path = (id: string) => `/v1/verifications/${id}/timeline`;

async function timeline(service: Service, id: string): Promise<Entry[]> {
  return (await service.call<{ data: Entry[] }>('GET', path(id))).body.data;
}

/** A stream as it comes in: `next` is its next event; undefined when it has ended. */
async function open(service: Service, id: string, headers: Record<string, string> = {}, query = '') {
  const abort = new AbortController();
  const response = await fetch(service.url + path(id) + query, {
    signal: abort.signal,
    headers: { authorization: `Bearer ${API_KEY}`, accept: 'text/event-stream', ...headers },
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    response,
    cut: () => abort.abort(),
    async next(): Promise<{ id?: string; event?: string; data: Entry } | undefined> {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end === -1) {
          const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
          if (done) return undefined;
          text += value;
          continue;
        }
        const fields = Object.fromEntries(
          text
            .slice(0, end)
            .split('\n')
            .filter((line) => !line.startsWith(':'))
            .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
        );
        text = text.slice(end + 2);
        if (fields['data'] !== undefined) return { ...fields, data: JSON.parse(fields['data']) };
      }
    },
    async rest(): Promise<string[]> {
      const types: string[] = [];
      for (let event = await this.next(); event; event = await this.next()) types.push(event.event ?? '');
      return types;
    },
  };
}

/** A verification whose text is out and reported. */
async function texted(service: Service, workflow?: object[]) {
  const to = freshNumber();
  const { id } = await service.submit({ to, ...(workflow && { workflow }) });
  await service.receiver.event('verification.attempt.sent', id);
  const { code } = await service.sandbox.nextMessage(to);
  await expect.poll(async () => (await timeline(service, id)).at(-1)?.type).toBe('callback.delivered');
  return { id, to, code };
}

describe('the timeline', () => {
  it('tells the facts in order, with their figures and a sentence', async ({ service }) => {
    const { id, code, to } = await texted(service);
    await service.check(id, '00000');
    await service.check(id, code);
    await expect.poll(async () => (await timeline(service, id)).at(-1)?.data['event']).toBe('verification.approved');

    const entries = await timeline(service, id);
    expect(entries.map(({ type }) => type)).toEqual([
      'verification.created',
      'attempt.started',
      'attempt.sent',
      'callback.delivered',
      'check.wrong',
      'check.approved',
      'verification.approved',
      'callback.delivered',
    ]);
    expect(entries.map((entry) => entry.id)).toEqual(entries.map((_entry, n) => `tl_${n}`));
    expect(entries[2]?.data).toMatchObject({ channel: 'sms', step: 0, tries: 1, took_ms: expect.any(Number) });
    expect(entries[2]?.text).toMatch(/^text (waited .+; )?accepted by SignalWire in [\d.]+ m?s$/);
    expect(entries[4]?.text).toBe('a code was wrong (check 1 of 5)');
    expect(entries[6]?.data).toEqual({ reason: null });
    expect(entries[7]?.text).toMatch(/^callback verification\.approved delivered to 127\.0\.0\.1:\d+ in [\d.]+ m?s$/);
    const all = JSON.stringify(entries);
    expect(all).not.toContain(code);
    expect(all).not.toContain(to.slice(3));
  });

  it('is told in the same words in the log of the job', async ({ service }) => {
    const to = '+12125550101'; // its text is refused
    const { id } = await service.submit({ to });
    await service.receiver.first(
      (d) => d.body.data.attempt?.channel === 'call' && d.body.data.attempt.status === 'sent',
    );
    await service.call('POST', `/v1/verifications/${id}/cancel`);
    await service.receiver.event('verification.canceled', id);
    await expect
      .poll(async () => (await timeline(service, id)).filter(({ type }) => type === 'callback.delivered').length)
      .toBe(4);

    const entries = await timeline(service, id);
    expect(entries.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['attempt.failed', 'verification.canceled']),
    );
    const lines = async () =>
      (await service.queues.verifications.getJobLogs(id)).logs.flatMap((log) => log.split('\n'));
    await expect.poll(lines).toEqual(expect.arrayContaining(entries.map(({ at, text }) => `${at} ${text}`)));
  });

  it('tells a delivery that failed, and the next', async ({ service }) => {
    service.receiver.answerWith({ status: 500 });
    const { id } = await service.submit({ to: freshNumber() });
    await expect.poll(async () => (await timeline(service, id)).at(-1)?.type).toBe('callback.delivered');

    const [failed, delivered] = (await timeline(service, id)).slice(-2);
    expect(failed).toMatchObject({ type: 'callback.failed', data: { delivery: 1, detail: 'answered 500' } });
    expect(delivered).toMatchObject({ type: 'callback.delivered', data: { delivery: 2 } });
  });

  it('tells at once what the clock has brought about', async ({ service }) => {
    const { id } = await texted(service);
    service.clock.advance(11 * MINUTE);

    const types = (await timeline(service, id)).map(({ type }) => type);
    expect(types).toContain('verification.expired');
  });

  it("is not found for another's, unknown and malformed ids", async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    const foreign = await service.call('GET', path(id), undefined, { authorization: `Bearer ${OTHER_API_KEY}` });
    const unknown = await service.call('GET', path(`ver_${'0'.repeat(34)}`));
    const stream = await service.call('GET', path('nonsense'), undefined, { accept: 'text/event-stream' });
    expect([foreign.status, unknown.status, stream.status]).toEqual([404, 404, 404]);
  });
});

describe('the live timeline', () => {
  it('sends what was, then each fact as it happens, and says when nothing follows', async ({ service }) => {
    const { id, code } = await texted(service);
    const stream = await open(service, id);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.response.headers.get('cache-control')).toBe('no-store');
    for (const type of ['verification.created', 'attempt.started', 'attempt.sent', 'callback.delivered']) {
      const event = await stream.next();
      expect([event?.event, event?.data.id]).toEqual([type, event?.id]);
    }

    await service.check(id, code);

    expect(await stream.rest()).toEqual(['check.approved', 'verification.approved', 'callback.delivered', 'end']);
    const again = await open(service, id, { 'last-event-id': 'tl_6' });
    expect(again.response.status).toBe(204);
  });

  it('goes on after the last entry that the client knows', async ({ service }) => {
    const { id } = await texted(service);
    const first = await open(service, id);
    await first.next();
    first.cut();
    await service.call('POST', `/v1/verifications/${id}/cancel`);

    const header = await open(service, id, { 'last-event-id': 'tl_0' });
    expect((await header.next())?.id).toBe('tl_1');
    const query = await open(service, id, {}, '?after=tl_2');
    expect((await query.next())?.id).toBe('tl_3');
    expect((await header.rest()).at(-1)).toBe('end');
    expect((await query.rest()).at(-1)).toBe('end');
  });

  it('refuses an id that is none of an entry', async ({ service }) => {
    const { id } = await texted(service);
    for (const [headers, query] of [
      [{ 'last-event-id': 'evt_1' }, ''],
      [{}, '?after=7'],
      [{}, '?after=tl_1&after=tl_2'],
    ] as const) {
      const stream = await service.call('GET', path(id) + query, undefined, {
        accept: 'text/event-stream',
        ...headers,
      });
      expect(stream.body).toMatchObject({ status: 422, code: 'invalid-request' });
    }
  });

  it('tells the expiry although no job notices', async ({ service }) => {
    const { id } = await texted(service, [{ channel: 'sms' }]);
    service.clock.advance(10 * MINUTE - 50); // what is left of its time runs by itself
    const stream = await open(service, id, { 'last-event-id': 'tl_3' });
    expect(await stream.rest()).toEqual(['verification.expired', 'callback.delivered', 'end']);
  });

  it('ends without the last word when the process has to go', async ({ service }) => {
    const { id } = await texted(service);
    const stream = await open(service, id, { 'last-event-id': 'tl_3' });
    await expect.poll(() => service.api.waiting()).toBe(1);

    const closed = service.api.close();

    expect(await stream.rest()).toEqual([]);
    await closed;
  });

  it('is forgotten when the client goes', async ({ service }) => {
    const { id } = await texted(service);
    const stream = await open(service, id);
    await expect.poll(() => service.api.waiting()).toBe(1);
    stream.cut();
    await expect.poll(() => service.api.waiting()).toBe(0);
  });
});
