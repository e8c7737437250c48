import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { ensureRedis } from '../scripts/ensure-redis.mjs';
import { startCallbackReceiver } from './callback-receiver.ts';
import { freshNumber, SECOND } from './fixtures.ts';
import { type Answer, callAt, isRefused, stop, surroundings } from './real-service.ts';

const CLIENTS = 4;
const MOVE_WITHIN_MS = 60 * SECOND;

/** A Redis with an append-only file, and the operator's connection to it. */
async function startRedis() {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'ringback-move-'));
  const server = await ensureRedis({ dataDir, persist: true });
  const operator = new Redis(server.url);
  const end = async () => {
    operator.disconnect();
    await server.stop();
  };
  onTestFinished(async () => {
    await end();
    await rm(dataDir, { recursive: true, force: true });
  });
  return { url: server.url, operator, end };
}

async function replication(operator: Redis, field: string): Promise<string | undefined> {
  return new RegExp(`^${field}:(.*)\r$`, 'm').exec(await operator.info('replication'))?.[1];
}

it('moves to another server as the runbook says, under load: all goes on there, and nothing is sent twice', async () => {
  const [from, to] = await Promise.all([startRedis(), startRedis()]);
  const { sandbox, receiver, start } = await surroundings(from.url);
  const elsewhere = await startCallbackReceiver();
  onTestFinished(() => elsewhere.close());
  let [api, worker] = await Promise.all([start('api'), start('worker')]);

  /** As a client whose connection may be refused; nothing else may go wrong. */
  async function call(method: string, route: string, body?: unknown, headers?: Record<string, string>) {
    let answer: Answer | undefined;
    const ask = async () => {
      answer = await callAt(api.url, method, route, body, headers).catch((error) => {
        if (isRefused(error)) return undefined;
        throw error;
      });
      return answer;
    };
    await expect.poll(ask, { timeout: MOVE_WITHIN_MS }).toBeDefined();
    return answer as Answer;
  }
  async function submit(number: string, more: object = {}): Promise<string> {
    const key = { 'idempotency-key': `for ${number}` };
    const { status, body } = await call('POST', '/v1/verifications', { to: number, ...more }, key);
    expect(status).toBe(202);
    return body.id;
  }
  async function approve(id: string, number: string): Promise<void> {
    const { code } = sandbox.messages(number).at(-1) ?? {};
    const { body } = await call('POST', `/v1/verifications/${id}/checks`, { code });
    expect(body).toMatchObject({ approved: true });
  }

  const done: string[] = [];
  let loaded = true;
  const clients = Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (loaded) {
        const number = freshNumber();
        const id = await submit(number);
        await receiver.event('verification.attempt.sent', id);
        await approve(id, number);
        await receiver.event('verification.approved', id);
        done.push(number);
      }
    }),
  );
  clients.catch(() => {}); // awaited below
  const loadGoesOn = () =>
    Promise.race([clients, expect.poll(() => done.length).toBeGreaterThan(done.length + CLIENTS)]);
  await loadGoesOn();

  // 1. the new server follows the old one
  const { hostname, port } = new URL(from.url);
  await to.operator.replicaof(hostname, port);
  await expect.poll(() => replication(to.operator, 'master_link_status')).toBe('up');
  await loadGoesOn();

  const [early, late, unsent, untold] = [freshNumber(), freshNumber(), freshNumber(), freshNumber()];
  const timer = (seconds: number) => ({ workflow: [{ channel: 'sms', timeout: seconds }, { channel: 'call' }] });
  elsewhere.answerWith({ status: 503, headers: { 'retry-after': '15' } });
  const ids = {
    early: await submit(early, timer(5)), // runs out while nothing runs, or nearly so
    late: await submit(late, timer(20)),
    untold: await submit(untold, { callback_url: elsewhere.url }),
  };
  for (const id of [ids.early, ids.late]) await receiver.event('verification.attempt.sent', id);
  const [refused] = [await elsewhere.event('verification.attempt.sent', ids.untold)];

  // 2. first the workers, then the APIs
  await stop(worker);
  const unsentId = await submit(unsent);
  await stop(api);

  // 3. nothing is on its way any more
  await from.operator.call('CLIENT', 'PAUSE', '30000', 'WRITE');
  await expect
    .poll(() => replication(to.operator, 'master_repl_offset'))
    .toBe(await replication(from.operator, 'master_repl_offset'));
  await to.operator.replicaof('NO', 'ONE');
  await from.end();

  // 4. everything with the new address
  [api, worker] = await Promise.all([start('api', { REDIS_URL: to.url }), start('worker', { REDIS_URL: to.url })]);
  await loadGoesOn();
  loaded = false;
  await clients;

  for (const number of done) expect(sandbox.sendsTo(number), number).toBe(1);
  await receiver.event('verification.attempt.sent', unsentId);
  expect(await submit(unsent)).toBe(unsentId); // the same answer for the same key
  await approve(unsentId, unsent);
  expect(sandbox.sendsTo(unsent)).toBe(1);
  for (const [id, number] of [
    [ids.early, early],
    [ids.late, late],
  ] as const) {
    await receiver.first(({ body }) => body.data.verification.id === id && body.data.attempt?.channel === 'call');
    await receiver.first(({ body }) => body.data.verification.id === id && body.data.sequence === 3);
    await approve(id, number);
    expect(sandbox.sendsTo(number)).toBe(2);
  }
  const again = await elsewhere.first((delivery) => delivery !== refused);
  expect([again.headers['webhook-id'], again.raw]).toEqual([refused.headers['webhook-id'], refused.raw]);
  const told = receiver.received.map(({ headers }) => headers['webhook-id']);
  expect(told).toHaveLength(new Set(told).size);
}, 90_000);
