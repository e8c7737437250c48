import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import type { VerificationView } from '../src/shared/verification-view.ts';
import { startCallbackReceiver } from './callback-receiver.ts';
import { API_KEY, freshNumber, ownDatabase, SECOND, testEnvironment } from './fixtures.ts';
import { type ServiceProcess, startProcess } from './service-processes.ts';
import { startTcpProxy } from './tcp-proxy.ts';

const CLIENTS = 6;
const PROBE_INTERVAL_MS = 500;
const MAX_SENDS = 4;

interface Answer {
  status: number;
  body: VerificationView & { approved?: boolean };
}
type Call = (method: string, route: string, body?: unknown) => Promise<Answer>;

/** Sandbox, receiver and environment for real processes; everything ends with the test. */
async function surroundings(redisUrl: string, env: Record<string, string> = {}) {
  const sandbox = createSandbox({ projectKey: 'test-project', token: 'test-token' });
  const receiver = await startCallbackReceiver();
  onTestFinished(async () => {
    await Promise.all([sandbox.close(), receiver.close()]);
    expect(receiver.faults).toEqual([]);
  });
  const environment = {
    ...testEnvironment(redisUrl, await sandbox.listen(0)),
    CALLBACK_URL: receiver.url,
    MAX_SENDS: String(MAX_SENDS),
    ...env,
  };
  const start = async (name: 'api' | 'worker', extra: Record<string, string> = {}) => {
    const starting = startProcess(name, { ...environment, ...extra });
    // also one that becomes ready only after the test has failed
    onTestFinished(async () => {
      const started = await starting.catch(() => undefined);
      started?.child.kill('SIGKILL');
      await started?.exited;
    });
    return starting;
  };
  return { sandbox, receiver, start };
}

async function callAt(url: string, method: string, route: string, body?: unknown, waitSeconds = 0): Promise<Answer> {
  const response = await fetch(url + route, {
    method,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(waitSeconds > 0 && { prefer: `wait=${waitSeconds}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

/** The connection was never made, so the request cannot have been written. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
}

/** What stands in front of the API processes: takes turns among those that said at their last probe that they are ready. */
function startBalancer() {
  const backends = new Map<string, { ready: boolean }>();
  let turn = 0;

  async function probe(): Promise<void> {
    await Promise.all(
      [...backends].map(async ([url, backend]) => {
        backend.ready = await fetch(`${url}/readyz`).then(
          async (response) => (await response.text()) !== '' && response.status === 200,
          () => false,
        );
      }),
    );
  }
  const timer = setInterval(probe, PROBE_INTERVAL_MS);
  onTestFinished(() => clearInterval(timer));

  const call: Call = async (method, route, body) => {
    turn += 1;
    const ready = [...backends].filter(([, backend]) => backend.ready).map(([url]) => url);
    const inTurn = ready.map((_, i) => ready[(turn + i) % ready.length] as string);
    for (const url of inTurn) {
      try {
        return await callAt(url, method, route, body);
      } catch (error) {
        if (!isRefused(error)) throw error;
      }
    }
    throw new Error(`none of ${ready.length} ready API processes took ${method} ${route}`);
  };

  return {
    call,
    add(url: string) {
      backends.set(url, { ready: false });
      return probe();
    },
    remove: (url: string) => backends.delete(url),
    isReady: (url: string) => backends.get(url)?.ready === true,
  };
}

/** Ends a process as an orchestrator does. */
async function stop({ child, exited, output }: ServiceProcess): Promise<void> {
  child.kill('SIGTERM');
  expect(await exited, output()).toEqual({ code: 0, signal: null });
}

/** A promise that the test keeps when it likes. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('a rolling restart', () => {
  it('of API and workers under load fails no request and loses no work', async () => {
    const { sandbox, receiver, start } = await surroundings(await ownDatabase());
    const [oldApis, oldWorkers] = await Promise.all([
      Promise.all([start('api'), start('api')]),
      Promise.all([start('worker'), start('worker')]),
    ]);
    const balancer = startBalancer();
    for (const { url } of oldApis) await balancer.add(url);

    const failures: string[] = [];
    const call: Call = async (method, route, body) => {
      try {
        const answer = await balancer.call(method, route, body);
        if (answer.status < 200 || answer.status > 299)
          failures.push(`${method} ${route}: ${answer.status} ${JSON.stringify(answer.body)}`);
        return answer;
      } catch (error) {
        failures.push(`${method} ${route}: ${error} (${error instanceof Error ? error.cause : ''})`);
        throw error;
      }
    };
    const made: { id: string; to: string }[] = [];
    let loaded = true;
    async function verifyOne(): Promise<void> {
      const to = freshNumber();
      const { id } = (await call('POST', '/v1/verifications', { to })).body;
      made.push({ id, to });
      const { code } = await sandbox.nextMessage(to);
      await receiver.event('verification.attempt.sent', id);
      await call('GET', `/v1/verifications/${id}`);
      await call('POST', `/v1/verifications/${id}/checks`, { code });
    }
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (loaded && failures.length === 0) await verifyOne().catch((error) => failures.push(String(error)));
    });

    const { body: open } = await call('POST', '/v1/verifications', { to: freshNumber() });
    await receiver.event('verification.attempt.sent', open.id);
    const loadGoesOn = () => expect.poll(() => made.length).toBeGreaterThan(made.length + CLIENTS);
    for (const old of oldApis) {
      await loadGoesOn();
      const replacement = await start('api');
      await balancer.add(replacement.url);
      expect(balancer.isReady(replacement.url)).toBe(true);
      const longPoll = callAt(old.url, 'GET', `/v1/verifications/${open.id}`, undefined, 60);
      await stop(old);
      expect(await longPoll).toMatchObject({ status: 200, body: { id: open.id, status: 'pending' } });
      balancer.remove(old.url);
    }
    for (const old of oldWorkers) {
      await loadGoesOn();
      await start('worker');
      await stop(old);
    }
    await loadGoesOn();
    loaded = false;
    await Promise.all(clients);

    expect(failures).toEqual([]);
    for (const { id, to } of made) {
      const { body } = await call('GET', `/v1/verifications/${id}`);
      expect(body).toMatchObject({ status: 'approved', attempts: [{ status: 'sent', tries: 1 }] });
      expect(body.attempts).toHaveLength(1);
      expect(sandbox.sendsTo(to)).toBe(1);
      await receiver.event('verification.approved', id);
    }
    expect(failures).toEqual([]);
  }, 60_000);
});

describe('SIGTERM under load', () => {
  it('leaves no attempt unknown that could finish, and the next worker takes the rest', async () => {
    const { sandbox, receiver, start } = await surroundings(await ownDatabase(), {
      SEND_TIMEOUT_MS: '10000',
      LOCK_DURATION_MS: '11000',
      SMS_CONCURRENCY: '40',
    });
    const { opened, open } = gate();
    let asked = 0;
    sandbox.behave({}, () => {
      asked += 1;
      return asked <= 40 ? { after: opened } : undefined;
    });
    const [api, worker] = await Promise.all([start('api'), start('worker')]);
    const numbers = Array.from({ length: 60 }, () => freshNumber());
    const ids = await Promise.all(
      numbers.map(async (to) => (await callAt(api.url, 'POST', '/v1/verifications', { to })).body.id),
    );
    for (let i = 0; i < 40; i++) await sandbox.nextRequest();

    worker.child.kill('SIGTERM');
    await expect.poll(() => worker.output()).toContain('shutting down');
    await start('worker');
    for (let i = 40; i < 60; i++) await sandbox.nextRequest();
    open();

    expect(await worker.exited, worker.output()).toEqual({ code: 0, signal: null });
    await Promise.all(ids.map((id) => receiver.event('verification.attempt.sent', id)));
    for (const id of ids) {
      const { body } = await callAt(api.url, 'GET', `/v1/verifications/${id}`);
      expect(body.attempts).toMatchObject([{ status: 'sent', tries: 1 }]);
    }
    expect(receiver.received.filter(({ body }) => body.type === 'verification.attempt.unknown')).toEqual([]);
    expect(numbers.filter((to) => sandbox.sendsTo(to) !== 1)).toEqual([]);
  });
});

describe('Redis away', () => {
  it.for([3, 12, 40])('for %i s stops nothing for good', { timeout: 90_000 }, async (seconds) => {
    const redis = new URL(await ownDatabase());
    const proxy = await startTcpProxy(Number(redis.port));
    onTestFinished(() => proxy.close());
    redis.hostname = '127.0.0.1';
    redis.port = String(proxy.port);
    const { sandbox, receiver, start } = await surroundings(redis.href);
    const [api] = await Promise.all([start('api'), start('worker')]);
    const call: Call = (...request) => callAt(api.url, ...request);
    const to = freshNumber();
    const { opened, open } = gate();
    sandbox.behave({ to }, [{ after: opened }]);
    const before = await call('POST', '/v1/verifications', { to });
    await sandbox.nextRequest((request) => request.to === to);

    await proxy.cut();
    open();
    await pass(seconds * SECOND); // the outage itself
    await proxy.restore();

    await expect.poll(async () => (await call('GET', '/readyz')).status).toBe(200);
    for (let i = 0; i < 5; i++) {
      const later = freshNumber();
      const { status, body } = await call('POST', '/v1/verifications', { to: later });
      expect(status).toBe(202);
      await receiver.event('verification.attempt.sent', body.id);
      const { code } = await sandbox.nextMessage(later);
      const checked = await call('POST', `/v1/verifications/${body.id}/checks`, { code });
      expect(checked.body.approved).toBe(true);
      await receiver.event('verification.approved', body.id);
      expect(sandbox.sendsTo(later)).toBe(1);
    }

    await receiver.event('verification.attempt.sent', before.body.id);
    const { attempts, status } = (await call('GET', `/v1/verifications/${before.body.id}`)).body;
    expect(status).toBe('pending');
    const lost = attempts.filter(({ trigger }) => trigger === 'unknown');
    // sent once; or taken for lost once, and then sent once more
    expect(lost.length).toBeLessThanOrEqual(1);
    expect(sandbox.sendsTo(to)).toBeLessThanOrEqual(1 + lost.length);
    expect(attempts.filter(({ status }) => status !== 'skipped')).toHaveLength(sandbox.sendsTo(to));
    const { code } = sandbox.messages(to).at(-1) ?? {};
    expect((await call('POST', `/v1/verifications/${before.body.id}/checks`, { code })).body.approved).toBe(true);
    await receiver.event('verification.approved', before.body.id);
  });
});
