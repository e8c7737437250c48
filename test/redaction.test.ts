import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import { readRecord } from '../src/shared/record.ts';
import type { VerificationView } from '../src/shared/verification-view.ts';
import { startCallbackReceiver } from './callback-receiver.ts';
import { API_KEY, everythingIn, ownDatabase, testEnvironment } from './fixtures.ts';
import { startProcess } from './service-processes.ts';

const APPROVED = '+12125558101';
const FAILING = '+12125558202';
const FORGOTTEN = '+12125558303';
const NUMBERS = [APPROVED, FAILING, FORGOTTEN];
/** Long, so that neither is in any id or time by chance. */
const RIGHT = '73918462509173648201';
const WRONG = '27604815937720461853';
const ADMIN = { ADMIN_USER: 'ops', ADMIN_PASSWORD: 'a-password-for-tests' };
const KEYS = `k1:${Buffer.alloc(32, 7).toString('base64')}`;
const DOCUMENT = /^\{[^}]*\}:verification:ver_\w+$/;

/** The number in any spelling: with or without country code, plus sign, punctuation, or percent signs of a URL. */
function holdsNumber(text: string): string[] {
  const plain = text.replaceAll(/%2B|%20|[\s().\-/+]/gi, '');
  return NUMBERS.filter((number) => plain.includes(number.slice(2)));
}

/** The whole service as it is run, on a sandbox that echoes numbers in its errors, and all that it writes. */
async function run(env: Record<string, string>) {
  const redisUrl = await ownDatabase();
  const redis = new Redis(redisUrl);
  const sandbox = createSandbox({ projectKey: 'test-project', token: 'test-token', makeCode: () => RIGHT });
  const receiver = await startCallbackReceiver();
  const environment = {
    ...testEnvironment(redisUrl, await sandbox.listen(0)),
    CALLBACK_URL: receiver.url,
    METRICS_PORT: '0',
    LOG_LEVEL: 'trace',
    NUMBER_KEY: 'a-number-key-for-tests-of-good-length',
    SEND_TRIES: '2',
    LIMIT_NUMBER_COOLDOWN: '1/30s',
    ...ADMIN,
    ...env,
  };
  const api = await startProcess('api', environment);
  const worker = await startProcess('worker', environment);
  onTestFinished(async () => {
    for (const { child, exited } of [api, worker]) {
      child.kill('SIGKILL');
      await exited;
    }
    redis.disconnect();
    await Promise.all([sandbox.close(), receiver.close()]);
  });

  async function call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: T }> {
    const answer = await fetch(api.url + path, {
      method,
      headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: (text.startsWith('{') ? JSON.parse(text) : {}) as T };
  }

  /** What both processes measure. */
  async function metrics(): Promise<string> {
    const ports = [api, worker].map(({ output }) => /"metricsPort":(\d+)/.exec(output())?.[1]);
    const texts = ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
    return (await Promise.all(texts)).join('');
  }

  /** What Bull Board shows of every queue in every state, and of every job. */
  async function board(): Promise<string> {
    const basic = Buffer.from(`${ADMIN.ADMIN_USER}:${ADMIN.ADMIN_PASSWORD}`).toString('base64');
    const get = async (path: string) => {
      const answer = await fetch(`${api.url}/admin/queues/api${path}`, {
        headers: { authorization: `Basic ${basic}` },
      });
      expect(answer.status).toBe(200);
      return answer.text();
    };
    const texts: string[] = [];
    for (const queue of ['verifications', 'sms', 'call', 'callbacks']) {
      const shown = await get(`/queues?activeQueue=${queue}&page=1&jobsPerPage=100`);
      texts.push(shown);
      for (const [, id] of shown.matchAll(/"id":"((?:ver|att|cb)_\w+)"/g)) {
        texts.push(await get(`/queues/${queue}/${id}/logs`), await get(`/queues/${queue}/${id}`));
      }
    }
    return texts.join('\n');
  }

  return { redis, sandbox, receiver, call, metrics, board, logged: () => api.output() + worker.output() };
}
type Running = Awaited<ReturnType<typeof run>>;

/** All that clients, people and accidents do with numbers and codes. */
async function useEverything({ sandbox, receiver, call }: Running): Promise<void> {
  const submit = async (to: string, body: Record<string, unknown> = {}) => {
    const keyed = { 'idempotency-key': `login ${to}`, 'x-request-id': to };
    const answer = await call<VerificationView>('POST', '/v1/verifications', { to, code_length: 20, ...body }, keyed);
    expect(answer.status).toBe(202);
    await call('POST', '/v1/verifications', { to, code_length: 20, ...body }, keyed);
    return answer.body.id;
  };
  const echo = (to: string) => ({
    status: 422 as const,
    body: {
      errors: [{ code: 'invalid_phone', message: `${to} (${to.slice(2, 5)}) ${to.slice(5, 8)}-${to.slice(8)} is bad` }],
    },
  });

  const approved = await submit(APPROVED);
  await receiver.event('verification.attempt.sent', approved);
  expect((await call('POST', `/v1/verifications/${approved}/checks`, { code: WRONG })).body).toMatchObject({
    approved: false,
  });
  await call('POST', `/v1/verifications/${approved}/attempts`, { channel: 'call' }, { 'idempotency-key': APPROVED });
  await receiver.event('verification.fallback', approved);
  await sandbox.nextMessage(APPROVED);
  await sandbox.nextMessage(APPROVED);
  await expect
    .poll(async () => (await call<VerificationView>('GET', `/v1/verifications/${approved}`)).body.attempts[1]?.status)
    .toBe('sent');
  expect((await call('POST', `/v1/verifications/${approved}/checks`, { code: RIGHT })).body).toMatchObject({
    approved: true,
  });
  await receiver.event('verification.approved', approved);

  expect((await call('POST', '/v1/verifications', { to: APPROVED })).status).toBe(429); // and is written down

  sandbox.behave({ to: FAILING, channel: 'sms' }, () => echo(FAILING));
  sandbox.behave({ to: FAILING, channel: 'call' }, () => ({ ...echo(FAILING), status: 503 }));
  const failing = await submit(FAILING);
  await receiver.event('verification.failed', failing);

  const forgotten = await submit(FORGOTTEN);
  await receiver.event('verification.attempt.sent', forgotten);

  for (const spelled of NUMBERS.flatMap((to) => [to, to.slice(1), to.slice(2), `(${to.slice(2, 5)}) ${to.slice(5)}`])) {
    await call('POST', '/v1/verifications', { to: spelled, code: RIGHT, message: spelled });
    await call('POST', '/v1/verifications', `{"to":"${spelled}","code":"${RIGHT}"`);
    await call('POST', '/v1/verifications/search', { to: spelled });
    await call(
      'GET',
      `/v1/verifications/${encodeURIComponent(spelled)}?code=${RIGHT}&to=${encodeURIComponent(spelled)}`,
    );
    await call('GET', '/v1/verifications', undefined, { authorization: `Bearer ${spelled}${RIGHT}` });
    await call('POST', `/v1/verifications/${forgotten}/checks`, { code: `${spelled} ${WRONG}` });
  }
  for (const path of ['', '/timeline', '/callbacks']) await call('GET', `/v1/verifications/${approved}${path}`);
}

describe('everything that is written during a full run', () => {
  it.each([
    ['with ENCRYPTION_KEYS', { ENCRYPTION_KEYS: KEYS }],
    ['without ENCRYPTION_KEYS', {}],
  ])('holds no code, and no number but in the verification itself: %s', async (name, env) => {
    const service = await run(env);
    await useEverything(service);

    const written = {
      logs: service.logged(),
      metrics: await service.metrics(),
      board: await service.board(),
      callbacks: JSON.stringify(service.receiver.received),
      decisions: JSON.stringify((await service.call('GET', '/v1/audit')).body),
    };
    expect(written.logs).toContain('"fact":"attempt.sent"');
    expect(written.metrics).toContain('ringback_tries_total');
    expect(written.board).toMatch(/"id":"att_/);
    expect(written.callbacks).toContain('verification.approved');
    expect(written.decisions).toContain('request.limited');
    for (const [where, text] of Object.entries(written)) {
      expect({ where, numbers: holdsNumber(text) }).toEqual({ where, numbers: [] });
      expect({ where, code: text.includes(RIGHT) || text.includes(WRONG) }).toEqual({ where, code: false });
    }

    const dump = await everythingIn(service.redis);
    expect(dump).not.toContain(RIGHT);
    expect(dump).not.toContain(WRONG);
    if (name.startsWith('without')) {
      expect(holdsNumber(dump)).toEqual(NUMBERS); // the search finds what is there
      // that is the documents, and nothing else, not even their stories
      for (const key of (await service.redis.keys('*')).filter((name) => DOCUMENT.test(name))) {
        await service.redis.set(key, readRecord(String(await service.redis.get(key))).rest);
      }
    }
    expect(holdsNumber(await everythingIn(service.redis))).toEqual([]);
  });

  it('holds no number at all once it is erased', async () => {
    const service = await run({});
    await useEverything(service);

    for (const to of NUMBERS) {
      const { body } = await service.call<{ id: string }>('POST', '/v1/erasures', { to });
      const status = async () => (await service.call('GET', `/v1/erasures/${body.id}`)).body['status'];
      await expect.poll(status, { timeout: 20_000 }).toBe('complete');
    }

    expect(holdsNumber(await everythingIn(service.redis))).toEqual([]);
    expect(holdsNumber(service.logged())).toEqual([]);
    expect((await service.redis.keys('*')).filter((key) => DOCUMENT.test(key))).toEqual([]);
  });
});
