import { execFileSync } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freshNumber, startService } from './fixtures.ts';
import { startOtlpCollector } from './otlp-collector.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CLIENT = '00f067aa0ba902b7';

/** One verification from its submission to the callback of its approval; all is sent by the time that this ends. */
async function verifyOnce(env: Record<string, string>, headers: Record<string, string>) {
  const service = await startService({ env });
  const to = freshNumber();
  const { body } = await service.call<{ id: string }>('POST', '/v1/verifications', { to }, headers);
  const sent = await service.receiver.event('verification.attempt.sent', body.id);
  const { code } = await service.sandbox.nextMessage(to);
  await service.check(body.id, code);
  await service.receiver.event('verification.approved', body.id);
  const asked = service.sandbox.requests;
  const job = await service.queues.sms.getJobs(['completed']);
  await service.close();
  return { id: body.id, to, code, sent, asked, data: job[0]?.data };
}

describe('a trace', () => {
  it('leads from the client through API, queue, worker and SignalWire to the callback', async () => {
    const collector = await startOtlpCollector();
    onTestFinished(() => collector.close());

    const { id, to, code, sent } = await verifyOnce(
      { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      { traceparent: `00-${TRACE}-${CLIENT}-01` },
    );

    const ours = collector.spans.filter(({ traceId }) => traceId === TRACE);
    const one = (name: string, parent: string | undefined) => {
      const found = ours.filter((span) => span.name === name && span.parent === parent);
      expect({ name, count: found.length }).toEqual({ name, count: 1 });
      return found[0] as (typeof ours)[number];
    };
    const api = one('POST /v1/verifications', CLIENT);
    const attempt = one('process sms', api.spanId);
    const signalwire = one('POST /api/relay/rest/mfa/sms', attempt.spanId);
    const callbackJob = one('process callbacks', attempt.spanId);
    const callback = one('POST callback', callbackJob.spanId);
    expect([api, attempt].map(({ service }) => service)).toEqual(['ringback-api', 'ringback-worker']);
    expect(api.attributes).toMatchObject({ 'http.route': '/v1/verifications', 'http.response.status_code': 202 });
    expect(attempt.attributes).toMatchObject({ 'ringback.verification.id': id });
    expect(signalwire.attributes).toMatchObject({ 'ringback.outcome': 'sent', 'http.response.status_code': 200 });
    expect(callback.attributes).toMatchObject({ 'ringback.outcome': 'delivered' });
    expect(ours.filter(({ failed }) => failed)).toEqual([]);
    expect(sent.headers['traceparent']).toBe(`00-${TRACE}-${callback.spanId}-01`);

    const check = collector.spans.find(({ name }) => name === 'POST /v1/verifications/:id/checks');
    expect(check?.parent).toBeUndefined(); // a request without a trace begins one
    expect(collector.spans.find(({ name }) => name.endsWith('/verify'))?.parent).toBe(check?.spanId);
    for (const secret of [to.slice(2), code]) expect(collector.raw.join()).not.toContain(secret);
  });

  it('is not recorded when the client does not record it, and leads on all the same', async () => {
    const collector = await startOtlpCollector();
    onTestFinished(() => collector.close());

    const { sent } = await verifyOnce(
      { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      { traceparent: `00-${TRACE}-${CLIENT}-00` },
    );

    expect(collector.spans.filter(({ traceId }) => traceId === TRACE)).toEqual([]);
    expect(sent.headers['traceparent']).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  });

  it('is passed on as it came while nothing is traced here, and to SignalWire only when that is wanted', async () => {
    const traceparent = `00-${TRACE}-${CLIENT}-01`;
    const quiet = await verifyOnce({}, { traceparent });
    const told = await verifyOnce({ SIGNALWIRE_TRACEPARENT: 'true' }, { traceparent });

    expect(quiet.sent.headers['traceparent']).toBe(traceparent);
    expect(quiet.data).toMatchObject({ traceparent });
    const heard = (asked: typeof told.asked) => asked.map(({ headers }) => headers['traceparent']);
    expect(heard(quiet.asked)).toEqual([undefined, undefined]);
    expect(heard(told.asked)[0]).toBe(traceparent);
  });

  it('needs no collector: one that is away holds up nothing', async () => {
    const collector = await startOtlpCollector();
    await collector.close();

    const { sent } = await verifyOnce({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, {});

    expect(sent.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it('costs nothing while it is off: its SDK is not loaded', () => {
    const loaded = (tracing: string) =>
      execFileSync(process.execPath, ['--input-type=module', '-e', script(tracing)], {
        cwd: new URL('..', import.meta.url),
        encoding: 'utf8',
      }).trim();

    expect(loaded('undefined')).toBe('false');
    expect(loaded("{ url: 'http://127.0.0.1:9' }")).toBe('true');
  });
});

/** Loads both processes' code, sets tracing up, and says whether that asked for the SDK of OpenTelemetry. */
const script = (tracing: string) => `
  import { registerHooks } from 'node:module';
  let asked = false;
  registerHooks({
    resolve(specifier, context, next) {
      asked ||= specifier.startsWith('@opentelemetry/sdk');
      return next(specifier, context);
    },
  });
  await import('./src/api/start-api.ts');
  await import('./src/worker/start-worker.ts');
  const { createTracing } = await import('./src/shared/tracing.ts');
  await createTracing(${tracing}, 'api');
  console.log(asked);
  process.exit(0);
`;
