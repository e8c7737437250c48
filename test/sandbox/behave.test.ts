import { describe, expect } from 'vitest';
import { FROM, it, TO, UNKNOWN_ID } from './fixtures.ts';

const OTHER = '+12125550199';

describe('a script', () => {
  it('plays its queue, then leaves things alone', async ({ client, sandbox }) => {
    const limited = {
      status: 429,
      headers: { 'retry-after': '1' },
      body: { errors: [{ detail: '', status: '', title: '', code: '' }] },
    };
    sandbox.behave({ to: TO }, [limited, { status: 500, body: { error: 'Internal Server Error' } }, 'accept']);

    const answers = [
      await client.send('sms', { to: TO }),
      await client.send('call', { to: TO }),
      await client.send('sms', { to: TO }),
    ];

    expect(answers.map((answer) => answer.status)).toEqual([429, 500, 200]);
    expect(answers[0]?.headers.get('retry-after')).toBe('1');
    expect((await client.send('sms', { to: TO })).status).toBe(200);
  });

  it('with one outcome holds until it is taken out', async ({ client, sandbox }) => {
    const stop = sandbox.behave({}, 'success-false');
    const isQueued = async () => ((await client.send('sms', { to: TO })).body as { success: boolean }).success;

    expect([await isQueued(), await isQueued()]).toEqual([false, false]);
    stop();
    expect(await isQueued()).toBe(true);
  });

  it('is for the numbers and channels it names only', async ({ client, sandbox }) => {
    sandbox.behave({ to: TO, channel: 'sms' }, 'success-false');

    await client.send('call', { to: TO });
    await client.send('sms', { to: OTHER });
    await client.send('sms', { to: TO });

    expect([sandbox.sendsTo(TO), sandbox.sendsTo(OTHER)]).toEqual([1, 1]);
  });

  it('without an operation leaves checks alone; with verify it finds them by number and channel', async ({
    client,
    sandbox,
  }) => {
    sandbox.behave({ to: TO }, ['accept', 'success-false']);
    await client.send('sms', { to: TO });
    const { id, code } = await sandbox.nextMessage(TO);
    sandbox.behave({ operation: 'verify', to: OTHER }, 'success-false');
    sandbox.behave({ operation: 'verify', channel: 'call' }, 'success-false');
    sandbox.behave({ operation: 'verify', to: TO, channel: 'sms' }, ['success-false']);

    expect((await client.verify(id, { token: code })).body).toEqual({ success: false });
    expect((await client.verify(id, { token: code })).body).toEqual({ success: true });
  });

  it('that is newer decides first, before a special number too', async ({ client, sandbox }) => {
    const refused = '+14045550102';
    sandbox.behave({ to: refused }, 'accept');
    const newer = sandbox.behave({ to: refused }, [{ status: 500, body: { error: 'Internal Server Error' } }]);

    expect((await client.send('sms', { to: refused })).status).toBe(500);
    expect((await client.send('sms', { to: refused })).status).toBe(200);
    newer();
    sandbox.clear();
    expect((await client.send('sms', { to: refused })).status).toBe(422);
  });

  it('may decide by the request, and take its time', async ({ client, sandbox }) => {
    const held = Promise.withResolvers<'success-false'>();
    sandbox.behave({}, (request) => (request.to === TO ? held.promise : undefined));
    const waiting = client.send('sms', { to: TO });

    expect((await sandbox.nextRequest()).accepted).toBe(false);
    expect((await client.send('sms', { to: OTHER })).body).toMatchObject({ success: true });
    held.resolve('success-false');
    expect((await waiting).body).toMatchObject({ success: false });
  });

  it('can accept at once and answer later', async ({ client, sandbox }) => {
    const held = Promise.withResolvers<void>();
    sandbox.behave({}, [{ after: held.promise }]);
    const waiting = client.send('sms', { to: TO });
    const { id, code } = await sandbox.nextMessage(TO);

    expect((await client.verify(id, { token: code })).body).toEqual({ success: true });
    held.resolve();
    expect((await waiting).body).toMatchObject({ id });
  });

  it('can send a code and answer something else', async ({ client, sandbox }) => {
    sandbox.behave({}, [{ status: 200, headers: { 'content-type': 'text/html' }, raw: '<p>', accept: true }]);
    const { status, body, headers } = await client.send('sms', { to: TO }, { documented: false });

    expect([status, body, headers.get('content-type')]).toEqual([200, '<p>', 'text/html']);
    expect(sandbox.sendsTo(TO)).toBe(1);
  });

  it('never sees a request that SignalWire refuses anyway', async ({ client, sandbox }) => {
    sandbox.behave({}, ['success-false']);

    expect((await client.send('sms', { to: TO, token_length: 3 })).status).toBe(422);
    expect((await client.send('sms', { to: TO }, { authorization: undefined })).status).toBe(401);
    expect((await client.send('sms', { to: TO })).body).toMatchObject({ success: false });
  });

  it('that fails cuts the connection', async ({ client, sandbox }) => {
    sandbox.behave({}, async () => {
      throw new Error('a mistake in a test');
    });

    await expect(client.send('sms', { to: TO })).rejects.toThrow('fetch failed');
  });

  it.for(['cut', 'accept-then-cut', 'accept-then-truncate'] as const)(
    'can %s',
    async (outcome, { client, sandbox }) => {
      sandbox.behave({}, [outcome]);

      await expect(client.send('sms', { to: TO })).rejects.toThrow(/fetch failed|terminated/);
      expect(sandbox.sendsTo(TO)).toBe(outcome === 'cut' ? 0 : 1);
    },
  );

  it('counts a check whose answer is lost', async ({ client, sandbox }) => {
    await client.send('sms', { to: TO });
    const { id, code } = await sandbox.nextMessage(TO);
    sandbox.behave({ operation: 'verify' }, ['accept-then-cut']);

    await expect(client.verify(id, { token: code })).rejects.toThrow('fetch failed');
    expect((await client.verify(id, { token: code })).status).toBe(404);
  });
});

describe('what a test can await', () => {
  it('is the next message to a number, past or future, each once', async ({ client, sandbox }) => {
    const future = sandbox.nextMessage(TO);
    await client.send('sms', { to: OTHER });
    await client.send('sms', { to: TO });
    await client.send('call', { to: TO });

    expect([(await future).channel, (await sandbox.nextMessage(TO)).channel]).toEqual(['sms', 'call']);
    expect((await sandbox.nextMessage()).to).toBe(OTHER);
    await expect(sandbox.nextMessage(TO, { timeoutMs: 1 })).rejects.toThrow(`No message to ${TO} within 1 ms`);
  });

  it('is a request that fits, with what became of it', async ({ client, sandbox }) => {
    const check = sandbox.nextRequest((request) => request.operation === 'verify');
    await client.send('sms', { to: TO, from: FROM, message: 'Acme:' });
    const { id, code } = await sandbox.nextMessage(TO);
    await client.verify(id, { token: code });

    const common = { to: TO, accepted: true, id, status: 200 };
    expect(await sandbox.nextRequest()).toMatchObject({
      ...common,
      operation: 'sms',
      code,
      body: { message: 'Acme:' },
    });
    expect(await check).toMatchObject({ ...common, operation: 'verify', body: { token: code } });
  });

  it('is told of refused requests too', async ({ client, sandbox, clock }) => {
    await client.send('sms', { to: 'nonsense' });
    await client.verify(UNKNOWN_ID, { token: '1' });

    expect(sandbox.requests).toMatchObject([
      { at: clock.now(), operation: 'sms', to: 'nonsense', accepted: false, status: 422 },
      { operation: 'verify', to: undefined, id: UNKNOWN_ID, accepted: false, status: 404 },
    ]);
  });
});

describe('a sandbox that goes down', () => {
  it('refuses connections, cuts the open ones, and comes back on the same port with what it knew', async ({
    client,
    sandbox,
  }) => {
    await client.send('sms', { to: TO });
    const { id, code } = await sandbox.nextMessage(TO);
    sandbox.behave({ to: OTHER }, 'hang');
    const hanging = client.send('sms', { to: OTHER });
    const cut = expect(hanging).rejects.toThrow('fetch failed');
    await sandbox.nextRequest((request) => request.to === OTHER);
    const { url } = sandbox;

    await sandbox.goDown();
    await cut;
    await expect(client.send('sms', { to: TO })).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });

    await sandbox.comeBack();
    expect(sandbox.url).toBe(url);
    expect((await client.verify(id, { token: code })).body).toEqual({ success: true });
  });
});
