import { describe, expect } from 'vitest';
import type { Figures } from '../../../src/api/admin/console-figures.ts';
import { createAuditLog } from '../../../src/shared/audit-log.ts';
import { createKeys } from '../../../src/shared/keys.ts';
import { freshNumber, it, MINUTE, OTHER_API_KEY, SECOND, type Service } from '../../fixtures.ts';
import { ask, PASSWORD_HASH, SAME_ORIGIN, serviceWithAdmin, signedIn } from './admin-client.ts';

const VIEWER = { ADMIN_USERS: `viewer:viewer:${PASSWORD_HASH}` };

const serviceWithConsole = (env: Record<string, string> = {}) =>
  serviceWithAdmin({ ...VIEWER, ...env }, { workers: 1 });

const figures = async (service: Service, hours = 24) => (await ask<Figures>(service, `figures?hours=${hours}`)).body;

/** The counts follow within a second. */
const eventually = { timeout: 10_000, interval: 100 };

/** Submits a verification and waits until its code is out. */
async function submitted(service: Service, to = freshNumber(), body: Record<string, unknown> = {}) {
  const { id } = await service.submit({ to, ...body });
  await service.receiver.event('verification.attempt.sent', id);
  const { code } = await service.sandbox.nextMessage(to);
  return { id, to, code };
}

describe("the console's figures", () => {
  it('are those of the traffic', async () => {
    const service = await serviceWithConsole();
    const approved = await submitted(service);
    const inBritain = await submitted(service, '+447700900321');
    const called = await submitted(service);
    const canceled = await submitted(service);
    const refused = await service.submit({ to: '+14045550101' }); // the text is refused, the phone rings
    await service.receiver.event('verification.attempt.sent', refused.id);
    await service.check(approved.id, '000000');
    await service.check(approved.id, approved.code);
    await service.check(inBritain.id, inBritain.code);
    await service.call('POST', `/v1/verifications/${canceled.id}/cancel`);
    await service.advance(45 * SECOND); // the calls of those whose text was not used
    await service.receiver.event('verification.fallback', called.id);
    const { code } = await service.sandbox.nextMessage(called.to);
    await service.check(called.id, code);
    await service.receiver.event('verification.approved', called.id);
    await service.advance(10 * MINUTE);
    await service.receiver.event('verification.expired', refused.id);

    await expect
      .poll(() => figures(service), eventually)
      .toMatchObject({
        created: 5,
        ended: { approved: 3, expired: 1, failed: 0, canceled: 1, blocked: 0 },
        conversion: { ended: 4, approved: 3, rate: 0.75 },
        to_approve: { count: 3 },
        takeovers: expect.arrayContaining([
          { trigger: 'timeout', count: 1 },
          { trigger: 'failure', count: 1 },
        ]),
        checks: expect.arrayContaining([
          { result: 'wrong', count: 1 },
          { result: 'approved', count: 3 },
        ]),
        countries: [
          { country: 'US', created: 4, conversion: { ended: 3, approved: 2 } },
          { country: 'GB', created: 1, conversion: { ended: 1, approved: 1, rate: 1 } },
        ],
        channels: [
          { channel: 'sms', sent: 4, conversion: { ended: 2, approved: 2 } },
          { channel: 'call', sent: 2, conversion: { ended: 2, approved: 1, rate: 0.5 } },
        ],
        tries: expect.arrayContaining([
          { channel: 'sms', outcome: 'sent', what: '', count: 4 },
          { channel: 'call', outcome: 'sent', what: '', count: 2 },
          { channel: 'sms', outcome: 'refused', what: 'not_routable', count: 1 },
        ]),
      });
    const { hours } = await figures(service);
    expect(hours).toHaveLength(24);
    expect(hours.reduce((sum, hour) => sum + hour.created, 0)).toBe(5);
  });

  it('are of the hours that were asked for', async () => {
    const service = await serviceWithConsole();
    await submitted(service);
    await expect.poll(() => figures(service), eventually).toMatchObject({ created: 1 });
    await service.advance(3 * 60 * MINUTE);
    await submitted(service);

    await expect.poll(() => figures(service, 1), eventually).toMatchObject({ created: 1 });
    expect(await figures(service, 24)).toMatchObject({ created: 2 });
    for (const hours of ['0', '192', 'x', '1.5', '']) {
      expect([hours, (await ask(service, `figures?hours=${hours}`)).status]).toEqual([hours, 422]);
    }
    expect((await ask(service, 'figures?days=1')).status).toBe(422);
  });

  it('tell how it goes with every target of callbacks', async () => {
    const service = await serviceWithConsole({ CALLBACK_RETRY_SCHEDULE: '10ms' });
    const to = freshNumber();
    service.receiver.answerWith({ status: 503 }, { status: 503 });
    const { id } = await service.submit({ to });
    await service.sandbox.nextMessage(to);
    const { origin } = new URL(service.receiver.url);

    await expect
      .poll(async () => (await figures(service)).targets, eventually)
      .toMatchObject([{ owner: 'test', target: origin, origin, state: 'enabled', deliveries: 2, failed: 2 }]);
    expect(JSON.stringify(await figures(service))).not.toContain(id);
  });

  it('go away after their time', async () => {
    const service = await serviceWithConsole();
    await submitted(service);
    await expect.poll(() => figures(service), eventually).toMatchObject({ created: 1 });

    const keys = await service.redis.keys('*tally*');
    const lives = await Promise.all(keys.map((key) => service.redis.ttl(key)));
    expect(keys.length).toBeGreaterThan(0);
    for (const seconds of lives) expect(seconds).toBeGreaterThan(7 * 24 * 3600);
  });
});

describe('this moment', () => {
  it('shows queues, rates and circuits, and what is behind', async () => {
    const service = await serviceWithAdmin({ ...VIEWER, SMS_RATE_PER_SECOND: '2' }, { workers: 0 });
    await service.submit({ to: freshNumber() });
    service.clock.advance(7 * SECOND);
    const { body } = await ask<{ queues: { queue: string; waiting: number; lag_ms: number }[] }>(service, 'now');

    expect(body).toMatchObject({
      channels: [
        { channel: 'sms', rate_per_second: 2, tries_per_minute: 0, use: 0, paused_ms: 0, circuit: 'closed' },
        { channel: 'call', rate_per_second: null, use: null, circuit: 'closed' },
      ],
      troubles: [],
    });
    const sms = body.queues.find(({ queue }) => queue === 'sms');
    expect(sms?.waiting).toBe(1);
    expect(sms?.lag_ms).toBeGreaterThanOrEqual(7 * SECOND);
    expect(body.queues.map(({ queue }) => queue)).toEqual(['verifications', 'sms', 'call', 'callbacks']);
  });

  it('counts the tries of the last minute against the rate, and tells of trouble', async () => {
    const service = await serviceWithConsole({ SMS_RATE_PER_SECOND: '2' });
    service.sandbox.behave({}, () => ({ status: 401, body: {} }));
    service.clock.advance(MINUTE - (service.clock.now() % MINUTE)); // so that what follows is within one minute
    const to = freshNumber();
    await service.submit({ to });
    await expect
      .poll(() => figures(service), eventually)
      .toMatchObject({
        tries: [{ channel: 'sms', outcome: 'misconfigured', what: '401', count: 1 }],
      });
    service.clock.advance(MINUTE);

    expect((await ask(service, 'now')).body).toMatchObject({
      channels: [{ channel: 'sms', tries_per_minute: 1, use: 1 / 120 }, {}],
      troubles: [{ channel: 'sms', code: 'misconfigured' }],
    });
  });
});

describe('the search', () => {
  it('finds a verification by id, callback, reference and number, of every key name, and shows no number', async () => {
    const service = await serviceWithConsole();
    const { id, to } = await submitted(service, freshNumber(), { reference: 'login 8812', metadata: { user: '42' } });
    const theirs = { authorization: `Bearer ${OTHER_API_KEY}` };
    const other = await service.call('POST', '/v1/verifications', { to: freshNumber(), reference: 'order 7' }, theirs);
    const { body: owed } = await service.call<{ data: { id: string }[] }>('GET', `/v1/verifications/${id}/callbacks`);
    await submitted(service);

    const spaced = `${to.slice(0, 2)} (${to.slice(2, 5)}) ${to.slice(5, 8)}-${to.slice(8)}`;
    for (const wanted of [id, owed.data[0]?.id, 'login 8812', to, spaced]) {
      const { status, headers, body } = await ask<{ data: { id: string }[] }>(service, 'search', { wanted });
      expect([wanted, status, body.data.map((v) => v.id)]).toEqual([wanted, 200, [id]]);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(JSON.stringify(body)).not.toContain(to.slice(1));
      expect(JSON.stringify(body)).not.toContain('"42"');
    }
    expect((await ask(service, 'search', { wanted: 'order 7' })).body).toMatchObject({
      data: [{ id: other.body['id'], owner: 'other' }],
    });
    for (const wanted of [`ver_${'0'.repeat(34)}`, 'login', freshNumber()]) {
      expect((await ask(service, 'search', { wanted })).body).toMatchObject({ data: [] });
    }
    for (const body of [{}, { wanted: '' }, { wanted: 7 }, { wanted: 'x', more: 1 }, { wanted: 'x'.repeat(129) }]) {
      expect((await ask(service, 'search', body)).status).toBe(422);
    }
    expect((await ask(service, `search?wanted=${id}`)).status).toBe(404);
  });
});

describe('one verification', () => {
  it('is told whole: itself, its story, its callbacks', async () => {
    const service = await serviceWithConsole();
    const { id, to, code } = await submitted(service);
    await service.check(id, code);
    await service.receiver.event('verification.approved', id);

    const { status, body } = await ask<{ timeline: { type: string }[]; callbacks: { type: string }[] }>(
      service,
      `verifications/${id}`,
      undefined,
      'viewer',
    );
    expect(status).toBe(200);
    expect(body).toMatchObject({ verification: { id, owner: 'test', country: 'US', status: 'approved', open: false } });
    expect(body.timeline.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['verification.created', 'attempt.sent', 'check.approved', 'verification.approved']),
    );
    expect(body.callbacks.map(({ type }) => type)).toEqual(['verification.attempt.sent', 'verification.approved']);
    for (const secret of [to.slice(1), code]) expect(JSON.stringify(body)).not.toContain(secret);
    for (const unknown of [`ver_${'0'.repeat(34)}`, 'nonsense']) {
      expect((await ask(service, `verifications/${unknown}`)).status).toBe(404);
    }
  });
});

describe('the replay of a callback', () => {
  async function deliveredOnce() {
    const service = await serviceWithConsole();
    const { id } = await submitted(service);
    const { body } = await service.call<{ data: { id: string }[] }>('GET', `/v1/verifications/${id}/callbacks`);
    return { service, id, callback: body.data[0]?.id ?? '' };
  }

  it('is for operators: it delivers again and is written down', async () => {
    const { service, id, callback } = await deliveredOnce();
    const answer = await ask(service, `callbacks/${callback}/replay`, {});

    expect([answer.status, answer.body]).toEqual([202, { id: callback, status: 'pending' }]);
    await expect
      .poll(async () => (await ask(service, `verifications/${id}`)).body, eventually)
      .toMatchObject({ callbacks: [{ id: callback, status: 'delivered', deliveries: [{}, {}] }] });
    expect(await ask(service, 'audit')).toMatchObject({
      body: { data: [{ actor: 'operator', action: 'callback.replayed', owner: 'test', subject: callback }] },
    });
    expect((await ask(service, `callbacks/cb_${'0'.repeat(34)}/replay`, {})).status).toBe(404);
  });

  it('is refused to viewers and to other sites', async () => {
    const { service, callback } = await deliveredOnce();
    const operator = await signedIn(service);
    const path = `/admin/api/callbacks/${callback}/replay`;
    const forged = { 'content-type': 'application/json', 'sec-fetch-site': 'cross-site' };

    expect((await ask(service, `callbacks/${callback}/replay`, {}, 'viewer')).status).toBe(403);
    expect((await operator.send(path, { method: 'POST', body: '{}', headers: forged })).status).toBe(403);
    expect((await fetch(service.url + path, { method: 'POST', headers: SAME_ORIGIN })).status).toBe(401);
    const audit = createAuditLog({ redis: service.redis, stream: createKeys().audit, clock: service.clock });
    expect((await audit.list(10)).map(({ action }) => action)).not.toContain('callback.replayed');
  });
});

describe('blocked prefixes', () => {
  const block = { prefix: '+1212777', hours: 24, reason: 'pumping' };

  it('are for operators: what they block gets no code until they free it', async () => {
    const service = await serviceWithConsole();
    expect((await ask(service, 'blocks', block)).status).toBe(201);
    const refused = await service.submit({ to: '+12127775001' });
    const { body } = await ask(service, 'blocks', undefined, 'viewer');

    expect([refused.status, refused.reason]).toEqual(['blocked', 'number_blocked']);
    expect(body).toMatchObject({ data: [{ prefix: '+1212777', reason: 'pumping', actor: 'operator' }] });
    expect((await ask(service, 'blocks/free', { prefix: '+1212777' })).status).toBe(200);
    expect((await service.submit({ to: '+12127775001' })).status).toBe('queued');
    expect((await ask(service, 'blocks/free', { prefix: '+1212777' })).status).toBe(404);
    expect((await ask(service, 'audit')).body).toMatchObject({
      data: [
        {},
        { action: 'prefix.unblocked' },
        { action: 'prefix.blocked', subject: '+1212777••••', reason: 'pumping' },
      ],
    });
  });

  it('are left alone by viewers, other sites and nonsense', async () => {
    const service = await serviceWithConsole();
    const operator = await signedIn(service);
    const forged = { 'content-type': 'application/json', 'sec-fetch-site': 'cross-site' };
    const init = { method: 'POST', body: JSON.stringify(block), headers: forged };

    expect((await ask(service, 'blocks', block, 'viewer')).status).toBe(403);
    expect((await ask(service, 'blocks/free', { prefix: '+1' }, 'viewer')).status).toBe(403);
    expect((await operator.send('/admin/api/blocks', init)).status).toBe(403);
    for (const wrong of [{ prefix: '1212' }, { prefix: '+121255512345' }, { hours: 0 }, { reason: ' ' }, { more: 1 }]) {
      expect([wrong, (await ask(service, 'blocks', { ...block, ...wrong })).status]).toEqual([wrong, 422]);
    }
    expect((await ask(service, 'blocks')).body).toMatchObject({ data: [] });
  });
});

describe('who is not signed in', () => {
  it('sees nothing of the console', async () => {
    const service = await serviceWithConsole();
    for (const path of ['', '/verifications/x', '/api/now', '/api/figures', '/api/audit', '/console/overview.js']) {
      const answer = await fetch(`${service.url}/admin${path}`, { redirect: 'manual' });
      expect([path, answer.status]).toEqual([path, 401]);
    }
  });
});
