import { describe, expect } from 'vitest';
import { createSandbox } from '../../src/sandbox/sandbox.ts';
import { basic, createClient, FROM, it, PROJECT_KEY, signalwire, TO, TOKEN, UNKNOWN_ID } from './fixtures.ts';

const NOT_FOUND = { status: 404, body: { error: 'Not Found' } };

describe('asking for a code', () => {
  it.for(['sms', 'call'] as const)(
    'sends one over %s and answers with its id',
    async (channel, { client, sandbox }) => {
      const answer = await client.send(channel, { to: TO });

      const { id, code } = await sandbox.nextMessage(TO);
      expect(answer).toMatchObject({ status: 200, body: { id, success: true, to: TO, channel } });
      expect(code).toMatch(/^\d{6}$/);
    },
  );

  it('puts the default text before the code', async ({ client, sandbox }) => {
    await client.send('sms', { to: TO });
    await client.send('call', { to: TO });

    const [text, call] = sandbox.messages(TO);
    expect(text).toMatchObject({ from: null, text: `Your Personal Authorization Code is: ${text?.code}` });
    expect(call).toMatchObject({ from: null, text: `Your Personal Authorization Code is ${call?.code}` });
  });

  it('makes the code as asked, with letters and an own text', async ({ client, sandbox }) => {
    await client.send('sms', { to: TO, from: FROM, message: 'Acme:', token_length: 20, allow_alphas: true });

    const { code, from, text } = await sandbox.nextMessage(TO);
    expect(code).toMatch(/^[0-9A-Z]{20}$/);
    expect({ from, text }).toEqual({ from: FROM, text: `Acme: ${code}` });
  });

  it('reads a form as it reads JSON', async ({ client, sandbox }) => {
    const fields = {
      to: TO,
      from: FROM,
      message: 'Acme:',
      token_length: '8',
      valid_for: '60',
      max_attempts: '1',
      allow_alphas: '0',
    };
    const { status } = await client.sendForm('sms', fields);
    const { id, code } = await sandbox.nextMessage(TO);

    expect(status).toBe(200);
    expect(code).toMatch(/^\d{8}$/);
    expect((await client.verifyForm(id, { token: code })).body).toEqual({ success: true });
  });

  it('makes a code of its own for every request, and both work', async ({ client, sandbox }) => {
    await client.send('sms', { to: TO, token_length: 20 });
    await client.send('call', { to: TO, token_length: 20 });

    const [first, second] = sandbox.messages(TO);
    expect(first?.code).not.toBe(second?.code);
    for (const { id = '', code } of [second ?? {}, first ?? {}] as { id?: string; code?: string }[]) {
      expect((await client.verify(id, { token: code })).body).toEqual({ success: true });
    }
  });

  it('ignores fields that SignalWire does not know', async ({ client }) => {
    expect((await client.send('sms', { to: TO, allow_alpha: 'perhaps', surprise: {} })).status).toBe(200);
  });

  it('answers 201 when made to', async ({ onTestFinished }) => {
    const sandbox = createSandbox({
      projectKey: PROJECT_KEY,
      token: TOKEN,
      createdStatus: 201,
      makeCode: () => '123456',
    });
    await sandbox.listen();
    onTestFinished(() => sandbox.close());
    const client = createClient(sandbox);

    expect((await client.send('sms', { to: TO })).status).toBe(201);
    const { id } = await sandbox.nextMessage(TO);
    expect(await client.verify(id, { token: '123456' })).toMatchObject({ status: 201, body: { success: true } });
  });
});

describe('the limits of a request for a code', () => {
  const invalid: [what: string, channel: 'sms' | 'call', body: unknown, detail: string][] = [
    ['no number', 'sms', {}, "To can't be blank"],
    ['no object', 'sms', [TO], "To can't be blank"],
    ['an empty body', 'sms', '', "To can't be blank"],
    ['a number without +', 'sms', { to: '14045550123' }, 'To is not a phone number in E.164 form'],
    ['a number with spaces', 'call', { to: '+1 404 555 0123' }, 'To is not a phone number in E.164 form'],
    ['a number of 16 digits', 'call', { to: '+1234567890123456' }, 'To is not a phone number in E.164 form'],
    ['a number that is no string', 'sms', { to: 14045550123 }, 'To must be a string'],
    ['a wrong sender', 'sms', { to: TO, from: 'Acme' }, 'From is not a phone number in E.164 form'],
    ['a short code', 'sms', { to: TO, token_length: 3 }, 'Token length must be between 4 and 20'],
    ['a long code', 'call', { to: TO, token_length: 21 }, 'Token length must be between 4 and 20'],
    ['a fraction', 'sms', { to: TO, token_length: 6.5 }, 'Token length must be an integer'],
    ['an integer as a string', 'sms', { to: TO, token_length: '6' }, 'Token length must be an integer'],
    ['a negative life', 'sms', { to: TO, valid_for: -1 }, 'Valid for must be between 0 and 604800'],
    ['a life of over a week', 'sms', { to: TO, valid_for: 604_801 }, 'Valid for must be between 0 and 604800'],
    ['no attempts', 'sms', { to: TO, max_attempts: 0 }, 'Max attempts must be between 1 and 20'],
    ['too many attempts', 'call', { to: TO, max_attempts: 21 }, 'Max attempts must be between 1 and 20'],
    ['a string for a boolean', 'sms', { to: TO, allow_alphas: 'true' }, 'Allow alphas must be a boolean'],
    [
      'an own text from the shared sender',
      'sms',
      { to: TO, message: 'Acme:' },
      "From can't be blank with a custom message",
    ],
  ];

  it.for(invalid)('refuse %s', async ([, channel, body, detail], { client, sandbox }) => {
    const answer = await client.send(channel, body);

    expect(answer).toMatchObject({
      status: 422,
      body: { errors: [{ detail, status: '422', title: 'Invalid Attribute', code: '422' }] },
    });
    expect(sandbox.messages()).toEqual([]);
  });

  it('are named all at once', async ({ client }) => {
    const { body } = await client.sendForm('sms', { to: 'me', token_length: 'six', allow_alphas: 'maybe' });

    expect((body as { errors: { detail: string }[] }).errors.map((error) => error.detail)).toEqual([
      'To is not a phone number in E.164 form',
      'Token length must be an integer',
      'Allow alphas must be a boolean',
    ]);
  });

  const atTheLimit: [what: string, channel: 'sms' | 'call', fields: object][] = [
    ['the shortest of all', 'sms', { token_length: 4, valid_for: 0, max_attempts: 1 }],
    ['the longest of all', 'call', { token_length: 20, valid_for: 604_800, max_attempts: 20, allow_alphas: true }],
    ['a call with its own text from the shared sender', 'call', { message: 'Acme:' }],
  ];

  it.for(atTheLimit)('let pass %s', async ([, channel, fields], { client }) => {
    expect((await client.send(channel, { to: TO, ...fields })).status).toBe(200);
  });

  // with a space and a code of 6
  const lengths: [what: string, channel: 'sms' | 'call', longest: string][] = [
    ['160 GSM characters', 'sms', 'é'.repeat(153)],
    ['80 characters of the GSM extension', 'sms', `${'€'.repeat(76)}x`],
    ['70 others', 'sms', 'я'.repeat(63)],
    ['70 UTF-16 units', 'sms', `${'🙂'.repeat(31)}x`],
    ['500 spoken characters', 'call', 'я'.repeat(493)],
  ];

  it.for(lengths)('count the code into %s', async ([, channel, message], { client }) => {
    expect((await client.send(channel, { to: TO, from: FROM, message })).status).toBe(200);
    expect((await client.send(channel, { to: TO, from: FROM, message: `${message}.` })).status).toBe(422);
  });
});

describe('the credentials', () => {
  it.for([
    ['none', undefined],
    ['a wrong token', basic(PROJECT_KEY, 'wrong')],
    ['a wrong project', basic('wrong', TOKEN)],
    ['another scheme', `Bearer ${TOKEN}`],
  ] as const)('are refused: %s', async ([, authorization], { client, sandbox }) => {
    const unauthorized = { status: 401, body: { error: 'Unauthorized' } };

    expect(await client.send('sms', { to: TO }, { authorization })).toMatchObject(unauthorized);
    expect(await client.send('call', '{', { authorization })).toMatchObject(unauthorized);
    expect(await client.verify(UNKNOWN_ID, {}, { authorization })).toMatchObject(unauthorized);
    expect(sandbox.messages()).toEqual([]);
  });

  it('are kept out of the log of requests', async ({ client, sandbox }) => {
    await client.send('sms', { to: TO });

    expect(JSON.stringify(sandbox.requests)).not.toContain(basic(PROJECT_KEY, TOKEN));
    expect(sandbox.requests[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
  });
});

describe('an unreadable body', () => {
  it('is a 400', async ({ client }) => {
    expect(await client.send('sms', '{"to":')).toMatchObject({ status: 400, body: { error: 'Bad Request' } });
    expect(await client.send('sms', { to: TO, message: 'x'.repeat(100_000) })).toMatchObject({ status: 400 });
  });
});

describe('checking a code', () => {
  it('succeeds once with the right one', async ({ client, sandbox }) => {
    await client.send('sms', { to: TO });
    const { id, code } = await sandbox.nextMessage(TO);

    expect(await client.verify(id, { token: code })).toMatchObject({ status: 200, body: { success: true } });
    expect(await client.verify(id, { token: code })).toMatchObject(NOT_FOUND);
  });

  it('succeeds exactly once in parallel', async ({ client, sandbox }) => {
    await client.send('sms', { to: TO, max_attempts: 20 });
    const { id, code } = await sandbox.nextMessage(TO);

    const answers = await Promise.all(Array.from({ length: 20 }, () => client.verify(id, { token: code })));

    expect(answers.map((answer) => answer.status).sort()).toEqual([200, ...Array<number>(19).fill(404)]);
  });

  it('answers every wrong one that max_attempts allows, then 404 even to the right one', async ({
    client,
    sandbox,
  }) => {
    await client.send('sms', { to: TO, max_attempts: 2 });
    const { id, code } = await sandbox.nextMessage(TO);

    expect(await client.verify(id, { token: 'wrong' })).toMatchObject({ status: 200, body: { success: false } });
    expect(await client.verify(id, { token: 'wrong' })).toMatchObject({ status: 200, body: { success: false } });
    expect(await client.verify(id, { token: code })).toMatchObject(NOT_FOUND);
  });

  it('takes the right one at the last attempt', async ({ client, sandbox }) => {
    await client.send('sms', { to: TO, max_attempts: 2 });
    const { id, code } = await sandbox.nextMessage(TO);
    await client.verify(id, { token: 'wrong' });

    expect((await client.verify(id, { token: code })).body).toEqual({ success: true });
  });

  it('fails from the moment the code expires', async ({ client, sandbox, clock }) => {
    await client.send('sms', { to: TO, valid_for: 60 });
    await client.send('sms', { to: TO, valid_for: 60 });
    const [first, second] = [await sandbox.nextMessage(TO), await sandbox.nextMessage(TO)];

    clock.advance(59_999);
    expect((await client.verify(first.id, { token: first.code })).body).toEqual({ success: true });
    clock.advance(1);
    expect(await client.verify(second.id, { token: second.code })).toMatchObject(NOT_FOUND);
  });

  it('knows only the id that the code was sent under', async ({ client, sandbox }) => {
    await client.send('sms', { to: TO, token_length: 20 });
    await client.send('sms', { to: TO, token_length: 20 });
    const [first, second] = [await sandbox.nextMessage(TO), await sandbox.nextMessage(TO)];

    expect((await client.verify(first.id, { token: second.code })).body).toEqual({ success: false });
    expect(await client.verify(UNKNOWN_ID, { token: first.code })).toMatchObject(NOT_FOUND);
    expect(await client.verify('nonsense', { token: first.code })).toMatchObject(NOT_FOUND);
  });

  it.for([{}, { token: '' }, { token: 123456 }, { token: null }, []])(
    'needs a token: %j',
    async (body, { client, sandbox }) => {
      await client.send('sms', { to: TO, max_attempts: 1 });
      const { id, code } = await sandbox.nextMessage(TO);

      expect((await client.verify(id, body)).status).toBe(422);
      expect((await client.verify(id, { token: code })).body).toEqual({ success: true });
    },
  );
});

describe('any other address', () => {
  it('is a 404', async ({ sandbox }) => {
    for (const [method, path] of [
      ['GET', '/api/relay/rest/mfa/sms'],
      ['POST', '/api/relay/rest/mfa/email'],
      ['GET', '/other'],
    ]) {
      const response = await fetch(sandbox.url + path, method ? { method } : {});
      expect([response.status, await response.json()]).toEqual([404, { error: 'Not Found' }]);
    }
  });
});

describe('the document the sandbox is checked against', () => {
  it('agrees with the sandbox on what a request may hold', async ({ client }) => {
    const bodies = [
      { to: TO },
      { to: TO, token_length: 21 },
      { to: TO, valid_for: -1 },
      { to: 'x' },
      {},
      { to: TO, from: 'x' },
    ];
    for (const body of bodies) {
      const problems = signalwire.checkRequest({ path: '/api/relay/rest/mfa/sms', method: 'post', body });
      expect((await client.send('sms', body)).status).toBe(problems.length === 0 ? 200 : 422);
    }
  });
});
