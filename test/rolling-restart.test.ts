import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freshNumber, ownDatabase, SECOND } from './fixtures.ts';
import { type Call, callAt, startBalancer, stop, surroundings } from './real-service.ts';
import { startTcpProxy } from './tcp-proxy.ts';

const CLIENTS = 6;

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
      const longPoll = callAt(old.url, 'GET', `/v1/verifications/${open.id}`, undefined, { prefer: 'wait=60' });
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
