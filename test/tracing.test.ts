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
});
