import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ensureRedis } from '../scripts/ensure-redis.mjs';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import type { VerificationView } from '../src/shared/verification-view.ts';
import { startCallbackReceiver } from './callback-receiver.ts';
import { API_KEY, freshNumber, ownDatabase, SECOND, testEnvironment } from './fixtures.ts';
import { spawnProcess, startProcess } from './service-processes.ts';
import { startTcpProxy } from './tcp-proxy.ts';

/** Sandbox, receiver and environment for real processes; everything ends with the test. */
async function surroundings({ redisUrl, env = {} }: { redisUrl?: string; env?: Record<string, string> } = {}) {
  const sandbox = createSandbox({ projectKey: 'test-project', token: 'test-token' });
  const receiver = await startCallbackReceiver();
  onTestFinished(() => Promise.all([sandbox.close(), receiver.close()]).then(() => {}));
  const environment = {
    ...testEnvironment(redisUrl ?? (await ownDatabase()), await sandbox.listen(0)),
    CALLBACK_URL: receiver.url,
    ...env,
  };
  const start = async (name: 'api' | 'worker', extra: Record<string, string> = {}) => {
    const started = await startProcess(name, { ...environment, ...extra });
    onTestFinished(() => void started.child.kill('SIGKILL'));
    return started;
  };
  return { sandbox, receiver, environment, start };
}

/** A Redis of the test's own, which it may stop, with its data kept. */
async function ownRedis() {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'ringback-test-redis-'));
  const redis = await ensureRedis({ dataDir, persist: true, log: () => {} });
  onTestFinished(async () => {
    await redis.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  return redis;
}

async function call(url: string, method: string, route: string, body?: unknown) {
  const startedAt = performance.now();
  const response = await fetch(url + route, {
    method,
    headers: { authorization: `Bearer ${API_KEY}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as VerificationView & { code?: string };
  return { status: response.status, headers: response.headers, body: answer, ms: performance.now() - startedAt };
}

describe('Redis going away', () => {
  it.for(['unreachable', 'frozen'] as const)(
    'makes the API refuse instead of hang (%s), and everything goes on afterwards',
    async (how) => {
      const redis = await ownRedis();
      const proxy = await startTcpProxy(Number(new URL(redis.url).port));
      onTestFinished(() => proxy.close());
      const { receiver, start } = await surroundings({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
      const [api] = await Promise.all([start('api'), start('worker')]);
      const first = await call(api.url, 'POST', '/v1/verifications', { to: freshNumber() });
      expect(first.status).toBe(202);
      await receiver.event('verification.attempt.sent', first.body.id);

      onTestFinished(() => void process.kill(redis.pid, 'SIGCONT'));
      if (how === 'frozen') process.kill(redis.pid, 'SIGSTOP');
      else await proxy.cut();
      for (const [method, route, body] of [
        ['POST', '/v1/verifications', { to: freshNumber() }],
        ['GET', `/v1/verifications/${first.body.id}`, undefined],
        ['POST', `/v1/verifications/${first.body.id}/checks`, { code: '123456' }],
      ] as const) {
        const answer = await call(api.url, method, route, body);
        expect([route, answer.status, answer.body.code]).toEqual([route, 503, 'unavailable']);
        expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
        // the contract's own limit, not a claim of speed
        expect(answer.ms).toBeLessThan(2_000);
      }
      await expect.poll(async () => (await call(api.url, 'GET', '/readyz')).status).toBe(503);
      expect((await call(api.url, 'GET', '/livez')).status).toBe(200);

      if (how === 'frozen') process.kill(redis.pid, 'SIGCONT');
      else await proxy.restore();
      await expect.poll(async () => (await call(api.url, 'GET', '/readyz')).status).toBe(200);
      const later = await call(api.url, 'POST', '/v1/verifications', { to: freshNumber() });
      expect(later.status).toBe(202);
      await receiver.event('verification.attempt.sent', later.body.id);
    },
  );

  it('does not keep the API from starting', async () => {
    const { start } = await surroundings({ redisUrl: 'redis://127.0.0.1:1' });
    const api = await start('api');

    expect((await call(api.url, 'POST', '/v1/verifications', { to: freshNumber() })).status).toBe(503);
    expect((await call(api.url, 'GET', '/readyz')).status).toBe(503);
  });
});

describe('a worker', () => {
  it('that is killed in the middle of a try leaves it unknown, and another one carries on', async () => {
    const { sandbox, receiver, start } = await surroundings({
      env: { SEND_TIMEOUT_MS: '1000', LOCK_DURATION_MS: '2000' },
    });
    const to = freshNumber();
    sandbox.behave({ to }, ['accept-then-hang', 'accept']);
    const [api, worker] = await Promise.all([start('api'), start('worker')]);
    const { body } = await call(api.url, 'POST', '/v1/verifications', { to });
    await sandbox.nextRequest((request) => request.to === to);
    worker.child.kill('SIGKILL');
    await worker.exited;

    await start('worker');

    const lost = await receiver.event('verification.attempt.unknown', body.id);
    expect(lost.body.data.attempt?.error?.code).toBe('unknown_outcome');
    await receiver.event('verification.attempt.sent', body.id);
    expect(sandbox.sendsTo(to)).toBe(2);
  });

  it('that is told to stop finishes its try first, takes no other, and exits', async () => {
    const { sandbox, receiver, start } = await surroundings();
    const [to, waiting] = [freshNumber(), freshNumber()];
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    sandbox.behave({ to }, [{ after: held }]);
    const api = await start('api');
    const worker = await start('worker', { SMS_CONCURRENCY: '1' });
    const first = await call(api.url, 'POST', '/v1/verifications', { to });
    await sandbox.nextRequest((request) => request.to === to);
    const second = await call(api.url, 'POST', '/v1/verifications', { to: waiting });

    worker.child.kill('SIGTERM');
    await expect.poll(() => worker.output()).toContain('shutting down');
    answer();

    expect(await worker.exited).toMatchObject({ code: 0 });
    expect((await call(api.url, 'GET', `/v1/verifications/${first.body.id}`)).body.attempts[0]).toMatchObject({
      status: 'sent',
      tries: 1,
    });
    expect(sandbox.sendsTo(waiting)).toBe(0);
    await start('worker');
    await receiver.event('verification.attempt.sent', second.body.id);
  });

  it('that was stopped reads the answer that came meanwhile: its code counts', async () => {
    const { sandbox, receiver, start } = await surroundings({
      env: { SEND_TIMEOUT_MS: '1500', LOCK_DURATION_MS: '2000' },
    });
    const to = freshNumber();
    const { promise: held, resolve: answer } = Promise.withResolvers<void>();
    sandbox.behave({ to }, [{ after: held }]);
    const api = await start('api');
    const stopped = await start('worker');
    onTestFinished(() => void stopped.child.kill('SIGCONT'));
    const { id } = (await call(api.url, 'POST', '/v1/verifications', { to })).body;
    await sandbox.nextRequest((request) => request.to === to);

    stopped.child.kill('SIGSTOP');
    answer();
    await start('worker');
    await receiver.event('verification.attempt.unknown', id);
    stopped.child.kill('SIGCONT');

    const first = async () => (await call(api.url, 'GET', `/v1/verifications/${id}`)).body.attempts[0];
    await expect.poll(first).toMatchObject({ status: 'sent', tries: 1 });
    const { code } = await sandbox.nextMessage(to);
    expect((await call(api.url, 'POST', `/v1/verifications/${id}/checks`, { code })).body).toMatchObject({
      approved: true,
    });
  });

  it('waits for a Redis that is not there yet', async () => {
    const redis = await ownRedis();
    process.kill(redis.pid, 'SIGSTOP');
    const { start } = await surroundings({ redisUrl: redis.url });
    const starting = start('worker');
    process.kill(redis.pid, 'SIGCONT');

    await starting;
  });
});

describe('a worker that still waits for Redis', () => {
  it.for([
    ['its parent is gone', (child: ChildProcess): void => child.disconnect()],
    ['it is told to stop', (child: ChildProcess): void => void child.kill('SIGTERM')],
  ] as const)('ends when %s', async ([, tell]) => {
    const { environment } = await surroundings({ redisUrl: 'redis://127.0.0.1:1' });
    const worker = spawnProcess('worker', environment);
    onTestFinished(() => void worker.child.kill('SIGKILL'));
    await expect.poll(() => worker.output()).toContain('redis is not reachable');
    tell(worker.child);

    expect(await worker.exited).toMatchObject({ code: 0 });
  });
});

describe('the only worker killed with 200 attempts in flight', () => {
  it('loses none of them and sends none more often than allowed', async () => {
    const { sandbox, receiver, start } = await surroundings({
      env: { SEND_TIMEOUT_MS: '5000', LOCK_DURATION_MS: '6000', SMS_CONCURRENCY: '200', BREAKER_MIN_TRIES: '0' },
    });
    let hold = true;
    sandbox.behave({}, () => (hold ? 'accept-then-hang' : 'accept'));
    const [api, worker] = await Promise.all([start('api'), start('worker')]);
    const numbers = Array.from({ length: 200 }, () => freshNumber());
    const ids = await Promise.all(
      numbers.map(async (to) => (await call(api.url, 'POST', '/v1/verifications', { to })).body.id),
    );
    await expect.poll(() => sandbox.requests.length).toBe(200);
    worker.child.kill('SIGKILL');
    await worker.exited;
    hold = false;

    await start('worker');

    await Promise.all(ids.map((id) => receiver.event('verification.attempt.unknown', id)));
    await Promise.all(ids.map((id) => receiver.event('verification.attempt.sent', id)));
    expect(numbers.filter((to) => sandbox.sendsTo(to) !== 2)).toEqual([]);
  }, 60_000);
});

describe('a worker whose clock is wrong', () => {
  it.for([-60, 60])('by %i s sends, falls back and ends on time all the same', async (seconds) => {
    const { receiver, start } = await surroundings();
    const wrong = `const real = Date.now; Date.now = () => real() + ${seconds * SECOND};`;
    const api = await start('api');
    await start('worker', { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(wrong)}` });
    const workflow = [{ channel: 'sms', timeout: 5 }, { channel: 'call' }];
    const { body } = await call(api.url, 'POST', '/v1/verifications', { to: freshNumber(), workflow, expires_in: 60 });

    const fallback = await receiver.event('verification.fallback', body.id);
    await receiver.first((d) => d.body.data.attempt?.channel === 'call' && d.body.data.attempt.status === 'sent');

    const sent = receiver.received.find((d) => d.body.type === 'verification.attempt.sent');
    const waited = Date.parse(fallback.body.timestamp) - Date.parse(sent?.body.timestamp ?? '');
    expect(waited).toBeGreaterThanOrEqual(5 * SECOND);
    // a clock that is wrong by a minute would be seen here; the reconciler needs a few seconds
    expect(waited).toBeLessThan(20 * SECOND);
  });
});

describe('a full Redis', () => {
  it('is a 503 for clients; what was sent meanwhile is stored once there is room', async () => {
    const redis = await ownRedis();
    const admin = new Redis(redis.url);
    onTestFinished(() => admin.disconnect());
    const { sandbox, start } = await surroundings({ redisUrl: redis.url });
    const [api, worker] = await Promise.all([start('api'), start('worker')]);
    const to = freshNumber();
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    sandbox.behave({ to }, [{ after: held }]);
    const { body } = await call(api.url, 'POST', '/v1/verifications', { to });
    await sandbox.nextRequest((request) => request.to === to);

    await admin.config('SET', 'maxmemory', '1mb');
    const refused = await call(api.url, 'POST', '/v1/verifications', { to: freshNumber() });
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    answer();
    await expect.poll(() => worker.output()).toContain('a result could not be stored yet');
    await admin.config('SET', 'maxmemory', '0');

    await expect
      .poll(async () => (await call(api.url, 'GET', `/v1/verifications/${body.id}`)).body.attempts[0])
      .toMatchObject({ status: 'sent', tries: 1 });
  });
});

describe('an API process', () => {
  it('that is told to stop answers what it has, says it is not ready, and exits', async () => {
    const { sandbox, receiver, start } = await surroundings();
    const to = freshNumber();
    const [api] = await Promise.all([start('api'), start('worker')]);
    const { body } = await call(api.url, 'POST', '/v1/verifications', { to });
    await receiver.event('verification.attempt.sent', body.id);
    const { code } = await sandbox.nextMessage(to);
    let answer = () => {};
    const held = new Promise<'accept'>((resolve) => {
      answer = () => resolve('accept');
    });
    sandbox.behave({ operation: 'verify' }, () => held);
    const checking = call(api.url, 'POST', `/v1/verifications/${body.id}/checks`, { code });
    await sandbox.nextRequest((request) => request.operation === 'verify');

    api.child.kill('SIGTERM');
    await expect.poll(() => api.output()).toContain('shutting down');
    answer();

    expect((await checking).body).toMatchObject({ approved: true });
    expect(await api.exited).toMatchObject({ code: 0 });
  });
});

describe('a bad configuration', () => {
  it.for(['api', 'worker'] as const)(
    'stops the start of the %s, naming every bad variable and no secret',
    async (name) => {
      const started = spawnProcess(name, {
        SIGNALWIRE_SPACE: 'acme',
        SIGNALWIRE_PROJECT_KEY: 'p',
        SIGNALWIRE_TOKEN: 'very-secret-token',
        API_KEYS: 'test:too-short',
        MAX_SENDS: 'many',
        WORKFLOW: 'sms:1s',
      });

      expect(await started.exited).toMatchObject({ code: 1 });
      for (const variable of ['REDIS_URL', 'API_KEYS', 'MAX_SENDS', 'WORKFLOW'])
        expect(started.output()).toContain(variable);
      for (const secret of ['too-short', 'very-secret-token']) expect(started.output()).not.toContain(secret);
    },
  );
});

describe('an address that cannot be listened on', () => {
  it.for([
    ['api', { HOST: '192.0.2.1' }, 'cannot listen on 192.0.2.1: this machine has no such address'],
    ['api', { HOST: 'nothing.invalid' }, 'cannot listen on nothing.invalid: the name has no address here'],
    ['worker', { HOST: 'nothing.invalid', METRICS_PORT: '0' }, 'cannot listen on nothing.invalid'],
  ] as const)('ends the %s with %j, and the reason', async ([name, env, reason]) => {
    const { environment } = await surroundings();
    const started = spawnProcess(name, { ...environment, ...env });
    onTestFinished(() => void started.child.kill('SIGKILL'));

    expect(await started.exited).toMatchObject({ code: 1 });
    expect(started.output()).toContain(reason);
    expect(started.output()).toContain('change HOST');
    expect(started.output()).not.toContain('    at '); // no stack: it is no fault of the program
  });

  it('ends the api, and names the port that is taken', async () => {
    const { environment, start } = await surroundings();
    const { port } = new URL((await start('api')).url);
    const second = spawnProcess('api', { ...environment, PORT: port });
    onTestFinished(() => void second.child.kill('SIGKILL'));

    expect(await second.exited).toMatchObject({ code: 1 });
    expect(second.output()).toContain(`:${port}: another process listens there; change HOST, PORT or METRICS_PORT`);
  });
});
