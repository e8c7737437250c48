import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { ensureRedis } from '../scripts/ensure-redis.mjs';
import { freshNumber, SECOND, startService } from './fixtures.ts';

/** A service that relies on what its Redis's only replica has, and that replica, which can be held up. */
async function startReplicated(env: Record<string, string> = {}) {
  const [primary, replica] = await Promise.all([ensureRedis({ persist: false }), ensureRedis({ persist: false })]);
  const [operator, follower] = [new Redis(primary.url), new Redis(replica.url)];
  const holdUp = () => process.kill(replica.pid, 'SIGSTOP');
  const letGo = () => process.kill(replica.pid, 'SIGCONT');
  await operator.config('SET', 'repl-diskless-sync-delay', '0');
  await follower.replicaof('127.0.0.1', Number(new URL(primary.url).port));
  await expect.poll(() => operator.wait(1, 500)).toBe(1); // it has begun to confirm
  const service = await startService({ env: { REDIS_URL: primary.url, REDIS_WAIT_REPLICAS: '1', ...env } });
  onTestFinished(async () => {
    letGo();
    await service.close();
    for (const connection of [operator, follower]) connection.disconnect();
    await Promise.all([primary.stop(), replica.stop()]);
  });

  const idempotencyKey = 'of-this-test';
  const submit = (body: object) =>
    service.call('POST', '/v1/verifications', body, { 'idempotency-key': idempotencyKey });

  /** Repeats what is refused while the replica is slow: on a busy machine it may be. */
  async function untilConfirmed<T extends { status: number }>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      const answer = await ask();
      if (answer.status !== 503) return answer;
    }
  }

  /** A verification whose text has arrived, and the code in it. */
  async function texted() {
    const to = freshNumber();
    const accepted = await untilConfirmed(() => submit({ to }));
    const id = String(accepted.body['id']);
    await service.receiver.event('verification.attempt.sent', id);
    return { id, to, code: (await service.sandbox.nextMessage(to)).code };
  }

  /** Why jobs of a queue have to run again. */
  async function reasons(name: 'sms' | 'callbacks'): Promise<string[]> {
    const jobs = await service.queues[name].getJobs();
    return jobs.map((job) => job?.failedReason ?? '');
  }

  return { service, holdUp, letGo, submit, untilConfirmed, texted, reasons };
}

it('accepts what the replica has, and texts nobody before', async () => {
  const { service, holdUp, letGo, submit, untilConfirmed, reasons } = await startReplicated();
  const to = freshNumber();

  holdUp();
  const first = await submit({ to });
  expect([first.status, first.body['code'], first.headers.get('retry-after')]).toEqual([503, 'unavailable', '2']);
  expect((await submit({ to })).status).toBe(503);
  await expect.poll(() => reasons('sms'), { timeout: 20_000 }).toContainEqual(expect.stringContaining('NOREPLICAS'));
  expect(service.sandbox.requests).toEqual([]);

  letGo();
  const accepted = await untilConfirmed(() => submit({ to }));
  expect(accepted.status).toBe(202);
  const id = String(accepted.body['id']);
  await service.receiver.event('verification.attempt.sent', id);
  const { attempts } = await service.read(id);
  expect(attempts.map(({ status, tries }) => [status, tries])).toEqual([['sent', 1]]); // those that did not leave are not counted
});

it('judges a code once the replica has its check, and counts none that it did not judge', async () => {
  const { service, holdUp, letGo, untilConfirmed, texted } = await startReplicated();
  const { id, code } = await texted();
  const asked = service.sandbox.requests.length;

  holdUp();
  const refused = await service.check(id, code);
  expect([refused.status, refused.body.code]).toEqual([503, 'unavailable']);
  expect(service.sandbox.requests).toHaveLength(asked);

  letGo();
  const checked = await untilConfirmed(() => service.check(id, code));
  expect(checked.body).toMatchObject({ approved: true, checks: { used: 1 } });
});

it('counts a code that cannot be right, and says so, though the replica has not heard of it', async () => {
  const { service, holdUp, letGo, untilConfirmed, texted } = await startReplicated({ LIMIT_FAILED_CHECKS: '1/d' });
  const { id, code } = await texted();

  holdUp();
  const refused = await service.check(id, '1234');
  expect([refused.status, refused.body.code]).toEqual([503, 'check-inconclusive']);

  letGo();
  const limited = await untilConfirmed(() => service.check(id, code));
  expect([limited.status, limited.body.code]).toEqual([429, 'rate-limited']);
  expect(await service.read(id)).toMatchObject({ checks: { used: 1 } });
});

it('returns the open verification once the replica has it', async () => {
  const { service, holdUp, letGo, untilConfirmed, texted } = await startReplicated();
  const { id, to } = await texted();
  const again = () => service.call('POST', '/v1/verifications', { to, if_active: 'return' });

  holdUp();
  expect((await again()).status).toBe(503);

  letGo();
  const returned = await untilConfirmed(again);
  expect([returned.status, returned.body['id']]).toEqual([200, id]);
});

it('tells a receiver of nothing that the replica could not tell again', async () => {
  const { service, holdUp, letGo, texted, reasons } = await startReplicated();
  const { id } = await texted();

  holdUp();
  await service.advance(45 * SECOND);
  await expect
    .poll(() => reasons('callbacks'), { timeout: 20_000 })
    .toContainEqual(expect.stringContaining('NOREPLICAS'));
  expect(service.receiver.received.filter(({ body }) => body.type === 'verification.fallback')).toEqual([]);

  letGo();
  await service.receiver.event('verification.fallback', id);
});
