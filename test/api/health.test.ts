import { describe, expect, onTestFinished } from 'vitest';
import { freshNumber, it, startService } from '../fixtures.ts';

describe('the probes', () => {
  it('need no key', async ({ service }) => {
    const headers = { authorization: '' };

    expect(await service.call('GET', '/livez', undefined, headers)).toMatchObject({ status: 200 });
    expect(await service.call('GET', '/readyz', undefined, headers)).toMatchObject({
      status: 200,
      body: { status: 'ready', redis: 'ok', degraded: [] },
    });
  });
});

describe('the metrics', () => {
  it('are on their own port, with the probes again, and never on the public one', async () => {
    const service = await startService({ env: { METRICS_PORT: '0' } });
    onTestFinished(() => service.close());
    const to = freshNumber();
    const { id } = await service.submit({ to });
    await service.receiver.event('verification.attempt.sent', id);
    await service.check(id, (await service.sandbox.nextMessage(to)).code);

    const text = async (port: number | undefined, path: string) =>
      (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    const api = await text(service.api.metricsPort, '/metrics');
    const worker = await text(service.workers[0]?.metricsPort, '/metrics');

    expect((await service.call('GET', '/metrics')).status).toBe(404);
    expect(api).toContain('ringback_verifications_created_total{process="api"} 1');
    expect(api).toContain('ringback_verifications_closed_total{status="approved",reason="none",process="api"} 1');
    expect(api).toContain('ringback_checks_total{result="approved",process="api"} 1');
    expect(api).toMatch(
      /ringback_http_request_duration_seconds_count\{.*route="\/v1\/verifications\/:id\/checks".*\} 1/,
    );
    expect(worker).toContain('ringback_tries_total{channel="sms",outcome="sent",process="worker"} 1');
    expect(worker).toContain('ringback_attempts_ended_total{channel="sms",status="sent",process="worker"} 1');
    for (const secret of [to.slice(1), id]) expect(api + worker).not.toContain(secret);
    for (const port of [service.api.metricsPort, service.workers[0]?.metricsPort]) {
      expect(await text(port, '/livez')).toContain('alive');
      expect(await text(port, '/readyz')).toContain('ready');
    }
  });
});
