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
    await service.queues.sms.pause();
    const { id } = await service.submit({ to });
    const waiting = await (await fetch(`http://127.0.0.1:${service.api.metricsPort}/metrics`)).text();
    await service.queues.sms.resume();
    await service.receiver.event('verification.attempt.sent', id);
    await service.check(id, (await service.sandbox.nextMessage(to)).code);

    const text = async (port: number | undefined, path: string) =>
      (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    const api = await text(service.api.metricsPort, '/metrics');
    const worker = await text(service.workers[0]?.metricsPort, '/metrics');

    expect((await service.call('GET', '/metrics')).status).toBe(404);
    expect(waiting).toContain('ringback_queue_jobs{queue="sms",state="waiting",process="api"} 1');
    expect(waiting).toMatch(/ringback_queue_oldest_waiting_seconds\{queue="sms",process="api"\} 0\.\d+/);
    expect(api).toContain('ringback_verifications_started_total{channel="sms",country="US",process="api"} 1');
    expect(api).toContain(
      'ringback_verifications_finished_total{status="approved",reason="none",country="US",process="api"} 1',
    );
    expect(api).toContain('ringback_time_to_approve_seconds_count{process="api"} 1');
    expect(api).toContain('ringback_redis_up{process="api"} 1');
    expect(api).toContain('bullmq_job_completed_total{queue="sms", partition="0"} 1');
    expect(api.match(/# HELP bullmq_job_count/g)).toHaveLength(1);
    expect(api).toContain('ringback_checks_total{result="approved",process="api"} 1');
    expect(api).toMatch(
      /ringback_http_request_duration_seconds_count\{.*route="\/v1\/verifications\/:id\/checks".*\} 1/,
    );
    expect(worker).toContain('ringback_tries_total{channel="sms",outcome="sent",process="worker"} 1');
    expect(worker).toContain('ringback_time_to_send_seconds_count{process="worker",channel="sms"} 1');
    expect(worker).toMatch(/ringback_redis_clock_skew_seconds\{process="worker"\} -?0\.\d+/);
    expect(worker).toContain('ringback_attempts_ended_total{channel="sms",status="sent",process="worker"} 1');
    for (const secret of [to.slice(1), id]) expect(api + worker).not.toContain(secret);
    for (const port of [service.api.metricsPort, service.workers[0]?.metricsPort]) {
      expect(await text(port, '/livez')).toContain('alive');
      expect(await text(port, '/readyz')).toContain('ready');
    }
  });
});
