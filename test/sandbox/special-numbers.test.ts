import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { SPECIAL_NUMBERS } from '../../src/sandbox/special-numbers.ts';
import { type Client, it, UNKNOWN_ID } from './fixtures.ts';

const number = (ending: string) => `+1404555${ending}`;

describe('a special number', () => {
  it('is in the documentation', () => {
    const page = readFileSync(new URL('../../docs/sandbox.md', import.meta.url), 'utf8');
    const rows = page.split('\n').filter((line) => line.startsWith('| `+1404555'));

    expect(rows).toEqual(SPECIAL_NUMBERS.map((special) => `| \`${special.number}\` | ${special.summary} |`));
  });

  it('behaves alike under every area code, and counts for itself', async ({ client }) => {
    for (const to of ['+12125550105', '+14165550105']) {
      expect([await status(client, 'sms', to), await status(client, 'sms', to)]).toEqual([429, 200]);
    }
  });

  it('is no number of another country that ends alike', async ({ client }) => {
    expect(await status(client, 'sms', '+442075550102')).toBe(200);
    expect(await status(client, 'sms', '+14045560102')).toBe(200);
  });
});

/** Answers to three texts and three calls each, and how many codes that took. */
const ANSWERED: [ending: string, sms: number[], call: number[], sends: number][] = [
  ['0101', [422, 422, 422], [200, 200, 200], 3],
  ['0102', [422, 422, 422], [422, 422, 422], 0],
  ['0105', [429, 200, 200], [429, 200, 200], 4],
  ['0106', [429, 429, 429], [200, 200, 200], 3],
  ['0107', [503, 503, 200], [503, 503, 200], 2],
  ['0108', [503, 503, 503], [200, 200, 200], 3],
  ['0109', [500, 500, 200], [200, 200, 200], 4],
  ['0110', [500, 500, 500], [200, 200, 200], 3],
  ['0112', [200, 200, 200], [200, 200, 200], 3],
  ['0114', [503, 503, 503], [503, 503, 503], 0],
  ['0115', [401, 401, 401], [401, 401, 401], 0],
  ['0116', [200, 200, 200], [200, 200, 200], 6],
  ['0117', [200, 200, 200], [200, 200, 200], 6],
  ['0119', [422, 422, 422], [200, 200, 200], 3],
  ['0120', [422, 422, 422], [422, 422, 422], 0],
  ['0121', [500, 500, 500], [200, 200, 200], 6],
  ['0122', [200, 200, 200], [200, 200, 200], 6],
];

describe('the special numbers that answer', () => {
  it.for(ANSWERED)('%s: texts %j, calls %j', async ([ending, sms, call, sends], { client, sandbox }) => {
    const to = number(ending);

    expect([await statuses(client, 'sms', to), await statuses(client, 'call', to)]).toEqual([sms, call]);
    expect(sandbox.sendsTo(to)).toBe(sends);
  });

  it('0101 names its reason, 0119 has none, 0120 is about money', async ({ client }) => {
    const bodies = ['0101', '0119', '0120'].map(
      async (ending) => (await client.send('sms', { to: number(ending) })).body,
    );

    expect(await Promise.all(bodies)).toMatchObject([
      { errors: [{ type: 'validation_error', code: 'not_routable', attribute: 'to' }] },
      { errors: [{ detail: null, code: '422' }] },
      { errors: [{ code: 'insufficient_balance' }] },
    ]);
  });

  it.for(['0105', '0106'])('%s says when to come back', async (ending, { client }) => {
    expect((await client.send('sms', { to: number(ending) })).headers.get('retry-after')).toBe('2');
  });

  it('0112 says success: false and sends nothing', async ({ client, sandbox }) => {
    const { body } = await client.send('sms', { to: number('0112') });
    const { id } = body as { id: string };

    expect(body).toEqual({ id, success: false, to: number('0112'), channel: 'sms' });
    expect((await client.verify(id, { token: '123456' })).status).toBe(404);
    expect(sandbox.messages()).toEqual([]);
  });

  it('0113 sends the text, but its answer has no id', async ({ client, sandbox }) => {
    const { status, body } = await client.send('sms', { to: number('0113') }, { documented: false });

    expect({ status, body }).toEqual({ status: 200, body: { success: true, to: number('0113'), channel: 'sms' } });
    const message = await sandbox.nextMessage(number('0113'));
    expect((await client.verify(message.id, { token: message.code })).body).toEqual({ success: true });
  });

  it('0116 accepts the text, but it never arrives', async ({ client, sandbox }) => {
    const { body } = await client.send('sms', { to: number('0116') });
    const { id } = body as { id: string };

    expect(sandbox.messages()).toEqual([]);
    expect((await client.verify(id, { token: sandbox.requests[0]?.code })).body).toEqual({ success: true });
  });

  it('0117 takes three seconds for each answer', async ({ client, sandbox, delays }) => {
    await client.send('sms', { to: number('0117') });
    const { id, code } = await sandbox.nextMessage();
    await client.verify(id, { token: code });

    expect(delays).toEqual([3_000, 3_000]);
  });

  it('0122 sends codes that cannot be checked', async ({ client, sandbox }) => {
    await client.send('sms', { to: number('0122') });
    const { id, code } = await sandbox.nextMessage();

    expect((await client.verify(id, { token: code })).status).toBe(503);
    expect((await client.verify(UNKNOWN_ID, { token: code })).status).toBe(404);
  });
});

describe('the special numbers that do not answer', () => {
  it.for([
    ['0103', 1],
    ['0111', 0],
  ] as const)('%s leaves the client waiting, with %i texts sent', async ([ending, sends], { client, sandbox }) => {
    const giveUp = new AbortController();
    const answer = client.send('sms', { to: number(ending) }, { signal: giveUp.signal });
    await sandbox.nextRequest();
    const first = await Promise.race([answer, statuses(client, 'sms', number('0123'))]);

    expect(first).toEqual([200, 200, 200]); // others are served meanwhile
    expect(sandbox.messages(number(ending))).toHaveLength(sends);
    expect(sandbox.sendsTo(number(ending))).toBe(sends);
    giveUp.abort();
    await expect(answer).rejects.toThrow('aborted');
    expect(sandbox.requests[0]?.status).toBeUndefined();
  });

  it.for([
    ['0104', 1],
    ['0118', 0],
  ] as const)('%s cuts the connection, with %i texts sent', async ([ending, sends], { client, sandbox }) => {
    await expect(client.send('sms', { to: number(ending) })).rejects.toThrow('fetch failed');

    expect(sandbox.messages(number(ending))).toHaveLength(sends);
    expect(await status(client, 'call', number(ending))).toBe(200);
  });
});

async function status(client: Client, channel: 'sms' | 'call', to: string): Promise<number> {
  return (await client.send(channel, { to })).status;
}

async function statuses(client: Client, channel: 'sms' | 'call', to: string): Promise<number[]> {
  return [await status(client, channel, to), await status(client, channel, to), await status(client, channel, to)];
}
