import { appRoutes } from '@bull-board/api/dist/routes.js';
import { describe, expect } from 'vitest';
import { createAuditLog } from '../../../src/shared/audit-log.ts';
import { createKeys } from '../../../src/shared/keys.ts';
import { CHROMIUM, launchBrowser } from '../../browser.ts';
import { freshNumber, it, type Service } from '../../fixtures.ts';
import { basic, PASSWORD, PASSWORD_HASH, SAME_ORIGIN, serviceWithAdmin, signedIn } from './admin-client.ts';

const VIEWER = { ADMIN_USERS: `viewer:viewer:${PASSWORD_HASH}` };

async function serviceWithBoard(env: Record<string, string> = {}) {
  const service = await serviceWithAdmin(env, { workers: 1 });
  const fetchBoard = (path: string, init: RequestInit = {}) =>
    fetch(`${service.url}/admin/queues${path}`, { ...init, headers: { ...basic('operator'), ...init.headers } });
  return { service, fetchBoard };
}

describe('Bull Board', () => {
  it('is not there unless somebody can sign in', async ({ service }) => {
    expect((await service.call('GET', '/admin/queues')).status).toBe(404);
  });

  it('wants a sign-in for its page and its interface', async () => {
    const { service } = await serviceWithBoard();
    for (const path of ['/admin/queues', '/admin/queues/api/queues', '/admin/queues/static/favicon.ico']) {
      for (const headers of [{}, { authorization: `Basic ${Buffer.from('operator:wrong').toString('base64')}` }]) {
        const answer = await fetch(service.url + path, { headers, redirect: 'manual' });
        expect([path, answer.status]).toEqual([path, 401]);
      }
    }
  });

  it('shows the four queues', async () => {
    const { fetchBoard } = await serviceWithBoard();
    const page = await fetchBoard('');
    const { queues } = (await (await fetchBoard('/api/queues')).json()) as { queues: { name: string }[] };

    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.headers.get('x-powered-by')).toBeNull();
    expect(queues.map((queue) => queue.name).sort()).toEqual(['call', 'callbacks', 'sms', 'verifications']);
  });

  it('holds no number and no code, in whatever state the jobs are', async () => {
    const { service, fetchBoard } = await serviceWithBoard();
    const refused = freshNumber();
    const to = freshNumber();
    service.sandbox.behave({ to: refused }, () => ({
      status: 422,
      body: { errors: [{ code: 'not_routable', message: `${refused} cannot be reached`, attribute: 'to' }] },
    }));
    const failed = await service.submit({ to: refused });
    await service.receiver.event('verification.failed', failed.id);
    const { id } = await service.submit({ to, code_length: 12 });
    const { code } = await service.sandbox.nextMessage(to);
    await service.check(id, '000000000000');
    await service.check(id, code);
    await service.receiver.event('verification.approved', id);

    let seen = '';
    for (const queue of ['verifications', 'sms', 'call', 'callbacks'] as const) {
      for (const status of ['latest', 'completed', 'failed', 'delayed']) {
        seen += await (await fetchBoard(`/api/queues?activeQueue=${queue}&status=${status}&jobsPerPage=50`)).text();
      }
      for (const job of await service.queues[queue].getJobs()) {
        seen += await (await fetchBoard(`/api/queues/${queue}/${job.id}`)).text();
        seen += await (await fetchBoard(`/api/queues/${queue}/${job.id}/logs`)).text();
        // what the board would mask is not to be there in the first place
        seen += JSON.stringify([job, await service.queues[queue].getJobLogs(job.id ?? '')]);
      }
    }
    expect(seen).toContain('••••');
    expect(seen).toContain(id);
    for (const secret of [to, refused, code]) expect(seen).not.toContain(secret.replace('+', ''));
  });

  it("refuses what another site's page sends with the operator's sign-in", async () => {
    const { service, fetchBoard } = await serviceWithBoard();
    const forged = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"name":"x","data":{}}' };
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      {},
    ] as Record<string, string>[]) {
      const answer = await fetchBoard('/api/queues/sms/add', { ...forged, headers: { ...forged.headers, ...headers } });
      expect([headers, answer.status]).toEqual([headers, 403]);
    }
    expect(await service.queues.sms.getJobCountByTypes('wait', 'completed', 'failed')).toBe(0);

    const own = await fetchBoard('/api/queues/sms/pause', {
      method: 'PUT',
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    expect(own.status).toBe(200);
    expect(await service.queues.sms.isPaused()).toBe(true);
  });

  it("takes a script's changes, which come from no page, but no form", async () => {
    const { service, fetchBoard } = await serviceWithBoard();
    const add = (type: string) =>
      fetchBoard('/api/queues/sms/add', {
        method: 'POST',
        headers: { 'content-type': type },
        body: '{"name":"x","data":{}}',
      });

    expect((await fetchBoard('/api/queues/sms/pause', { method: 'PUT' })).status).toBe(200);
    expect(await service.queues.sms.isPaused()).toBe(true);
    for (const form of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      expect([form, (await add(form)).status]).toEqual([form, 403]);
    }
    expect((await add('application/json')).status).toBe(200);
  });

  it('refuses the same from a browser that is signed in', async () => {
    const { service } = await serviceWithBoard();
    const browser = await signedIn(service);
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'none' }]) {
      const pause = await browser.board('/api/queues/sms/pause', { method: 'PUT', headers });
      const add = await browser.board('/api/queues/sms/add', {
        method: 'POST',
        headers: { ...headers, 'content-type': 'text/plain' },
        body: '{"name":"x","data":{}}',
      });
      expect([pause.status, add.status]).toEqual([403, 403]);
    }
    expect(await service.queues.sms.isPaused()).toBe(false);
  });

  it('masks numbers that got into a job all the same: in its data, options, logs, failure and result', async () => {
    const { service, fetchBoard } = await serviceWithBoard();
    const number = freshNumber();
    const { sms } = service.queues;
    await Promise.all(service.workers.map((worker) => worker.close()));
    const options = { deduplication: { id: `to ${number}` }, delay: 60_000 };
    const job = await sms.add(`text ${number}`, { to: [{ deep: number }] }, options);
    await job.log(`sending to ${number}`);
    await job.updateProgress({ to: number });
    await service.redis.hset(`{ringback:0}:sms:${job.id}`, {
      failedReason: `422: ${number} is no number`,
      stacktrace: JSON.stringify([`Error: ${number}\n    at send`]),
      returnvalue: JSON.stringify({ to: number }),
    });

    const seen = await Promise.all(
      [`/${job.id}`, `/${job.id}/logs`].map(async (path) => (await fetchBoard(`/api/queues/sms${path}`)).text()),
    );
    seen.push(await (await fetchBoard('/api/queues?activeQueue=sms&status=delayed&jobsPerPage=50')).text());
    for (const text of seen) {
      expect(text).not.toContain(number.slice(1));
      expect(text).toContain(`+1${'•'.repeat(8)}${number.slice(-2)}`);
    }
    expect(seen[0]).toContain('is no number');
  });

  it('writes down who did what, before it is done', async () => {
    const { service, fetchBoard } = await serviceWithBoard(VIEWER);
    const browser = await signedIn(service);
    const job = await service.queues.callbacks.add('x', {}, { delay: 60_000 });
    await browser.board('/api/queues/sms/pause', { method: 'PUT' });
    await fetchBoard('/api/queues/pause', { method: 'PUT', headers: { 'ringback-actor': 'somebody-else' } });
    await browser.board(`/api/queues/callbacks/${job.id}/promote`, { method: 'PUT' });
    await browser.board('/api/queues/callbacks/clean/failed', { method: 'PUT' });
    await browser.board('/api/queues/callbacks/nothing-there/retry', { method: 'PUT' });
    await browser.board('/api/queues');

    expect((await auditOf(service)).filter(({ action }) => String(action).startsWith('queues.'))).toEqual([
      { actor: 'operator', action: 'queues.pause', subject: 'sms' },
      { actor: 'operator', action: 'queues.pause', subject: 'all' },
      { actor: 'operator', action: 'queues.promote', subject: `callbacks/${job.id}` },
      { actor: 'operator', action: 'queues.clean', subject: 'callbacks', data: { queueStatus: 'failed' } },
      { actor: 'operator', action: 'queues.retry', subject: 'callbacks/nothing-there' },
    ]);
  });

  it('does nothing that cannot be written down', async () => {
    const { service, fetchBoard } = await serviceWithBoard();
    await service.redis.set(createKeys().audit, 'in the way');
    const answer = await fetchBoard('/api/queues/sms/pause', { method: 'PUT' });

    expect(answer.status).toBe(500);
    expect(await service.queues.sms.isPaused()).toBe(false);
  });

  it('writes down every one of its changes', async () => {
    const { service, fetchBoard } = await serviceWithBoard();
    await Promise.all(service.workers.map((worker) => worker.close()));
    const changes = changingCalls('sms', 'some-job');
    for (const { method, path } of changes) await fetchBoard(path, { method, ...JSON_BODY });

    expect(changes.length).toBeGreaterThan(20);
    expect(await auditOf(service)).toHaveLength(changes.length);
  });
});

describe('a viewer', () => {
  it('sees the queues, without the buttons that change them', async () => {
    const { service } = await serviceWithBoard(VIEWER);
    const { queues } = (await (await (await signedIn(service, 'viewer')).board()).json()) as {
      queues: { readOnlyMode: boolean }[];
    };

    expect(queues.map(({ readOnlyMode }) => readOnlyMode)).toEqual([true, true, true, true]);
  });

  it('changes nothing, by whatever address of the board, hidden ones included', async () => {
    const { service } = await serviceWithBoard(VIEWER);
    await Promise.all(service.workers.map((worker) => worker.close()));
    const { sms } = service.queues;
    const job = await sms.add('text', {}, { delay: 60_000 });
    const stateOf = async () => ({
      counts: await sms.getJobCounts(),
      job: await service.redis.hgetall(`{ringback:0}:sms:${job.id}`),
      meta: await service.redis.hgetall('{ringback:0}:sms:meta'),
    });
    const before = await stateOf();
    const browser = await signedIn(service, 'viewer');
    const credentials: Record<string, string>[] = [
      { cookie: `__Host-ringback=${browser.cookies.get('__Host-ringback')}`, ...SAME_ORIGIN },
      basic('viewer'),
    ];
    for (const { method, path } of changingCalls('sms', job.id ?? '')) {
      for (const headers of credentials) {
        const answer = await fetch(`${service.url}/admin/queues${path}`, {
          method,
          headers: { ...JSON_BODY.headers, ...headers },
          body: JSON_BODY.body,
        });
        expect([method, path, answer.status]).toEqual([method, path, 403]);
      }
    }
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const answer = await browser.board('/api/queues', { method });
      expect([method, answer.status]).toEqual([method, 403]);
    }
    expect(await stateOf()).toEqual(before);
  });

  it('does not get a failed job to run again by the address behind the hidden button', async () => {
    const { service } = await serviceWithBoard(VIEWER);
    const refused = freshNumber();
    service.sandbox.behave({ to: refused }, () => ({ status: 422, body: { errors: [] } }));
    const { id } = await service.submit({ to: refused, workflow: [{ channel: 'sms' }] });
    await service.receiver.event('verification.failed', id);
    const [job] = await service.queues.sms.getJobs(['completed', 'failed']);
    const before = job?.finishedOn;
    const browser = await signedIn(service, 'viewer');
    const retry = await browser.board(`/api/queues/sms/${job?.id}/retry`, { method: 'PUT' });

    expect(retry.status).toBe(403);
    expect((await service.queues.sms.getJob(job?.id ?? ''))?.finishedOn).toBe(before);
  });

  it('becomes no operator by saying so', async () => {
    const { service } = await serviceWithBoard(VIEWER);
    const browser = await signedIn(service, 'viewer');
    for (const headers of [
      { 'ringback-actor': 'operator' },
      { 'x-http-method-override': 'GET' },
      { cookie: `__Host-ringback=${browser.cookies.get('__Host-ringback')}; role=operator` },
    ] as Record<string, string>[]) {
      const answer = await browser.board('/api/queues/sms/pause?role=operator&_method=GET', { method: 'PUT', headers });
      expect(answer.status).toBe(403);
    }
  });
});

describe.skipIf(CHROMIUM === undefined)('in a browser', () => {
  it('is signed in to by http on this machine, asks no other host, and is left for good', async () => {
    const { service } = await serviceWithBoard();
    const browser = await launchBrowser();
    try {
      for (const host of ['127.0.0.1', 'localhost']) {
        const context = await browser.newContext();
        const page = await context.newPage();
        const own = `http://${host}:${service.api.port}`;
        const elsewhere: string[] = [];
        const complaints: string[] = [];
        page.on('request', (request) => {
          if (!request.url().startsWith(own) && !request.url().startsWith('data:')) elsewhere.push(request.url());
        });
        page.on('console', (message) => {
          if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
        });
        page.on('pageerror', (error) => complaints.push(String(error)));

        await page.goto(`${own}/admin/queues/queue/sms`);
        await page.getByLabel('User').fill('operator');
        await page.getByLabel('Password').fill(PASSWORD);
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.waitForURL(`${own}/admin/queues/queue/sms`);
        await page.getByText('One job per text').first().waitFor();
        const cookies = await context.cookies();

        await page.goto(`${own}/admin/sign-out`);
        await page.getByRole('button', { name: 'Sign out' }).click();
        await page.getByText('You are signed out.').waitFor();
        await page.goto(`${own}/admin/queues`);
        await page.getByRole('heading', { name: 'Sign in' }).waitFor();

        expect(cookies.map(({ name, httpOnly, secure, sameSite }) => ({ name, httpOnly, secure, sameSite }))).toEqual(
          ['__Host-ringback', '__Host-ringback-device'].map((name) => ({
            name,
            httpOnly: true,
            secure: true,
            sameSite: 'Strict',
          })),
        );
        expect(elsewhere).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
      }
    } finally {
      await browser.close();
    }
  });
});

const JSON_BODY = { headers: { 'content-type': 'application/json' }, body: '{}' };

/** Every call of the board that is not for reading, as the board itself lists them. */
function changingCalls(queueName: string, jobId: string): { method: string; path: string }[] {
  const values: Record<string, string> = { queueName, jobId, queueStatus: 'failed', schedulerId: 'some-scheduler' };
  return appRoutes.api
    .flatMap(({ method, route }) =>
      [method].flat().map((verb) => ({ method: verb.toUpperCase(), path: [route].flat()[0] ?? '' })),
    )
    .filter(({ method }) => method !== 'GET')
    .map(({ method, path }) => ({
      method,
      path: path.replaceAll(/:(\w+)/g, (_match, name: string) => values[name] ?? name),
    }));
}

async function auditOf({ redis, clock }: Service): Promise<Record<string, unknown>[]> {
  const entries = await createAuditLog({ redis, stream: createKeys().audit, clock }).list(1_000);
  return entries.map(({ id: _id, at: _at, ...entry }) => entry).reverse();
}
