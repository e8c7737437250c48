import { describe, expect, onTestFinished } from 'vitest';
import { freshNumber, it, startService } from '../fixtures.ts';

const ADMIN = { ADMIN_USER: 'operator', ADMIN_PASSWORD: 'a-password-for-tests' };
const SIGN_IN = { authorization: `Basic ${Buffer.from('operator:a-password-for-tests').toString('base64')}` };

async function serviceWithBoard() {
  const service = await startService({ env: ADMIN });
  onTestFinished(() => service.close());
  const fetchBoard = (path: string, init: RequestInit = {}) =>
    fetch(`${service.url}/admin/queues${path}`, { ...init, headers: { ...SIGN_IN, ...init.headers } });
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
});
