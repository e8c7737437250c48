import { expect, it, onTestFinished } from 'vitest';
import { freshNumber, startService } from './fixtures.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

it('each fact of a verification is one line of the log, in the words of the timeline, with request and trace', async () => {
  const service = await startService({ env: { WORKFLOW: 'sms:45s,call' } });
  onTestFinished(() => service.close());
  const to = freshNumber();
  const headers = { 'x-request-id': 'req_of-the-client', traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
  const { body } = await service.call<{ id: string }>('POST', '/v1/verifications', { to }, headers);
  await service.receiver.event('verification.attempt.sent', body.id);
  const { code } = await service.sandbox.nextMessage(to);
  await service.check(body.id, code);
  await service.receiver.event('verification.approved', body.id);
  const timeline = async () =>
    (await service.call<{ data: { type: string; text: string }[] }>('GET', `/v1/verifications/${body.id}/timeline`))
      .body.data;
  await expect.poll(async () => (await timeline()).filter(({ type }) => type === 'callback.delivered')).toHaveLength(2);

  const lines = service.logged.map((line) => JSON.parse(line)).filter((line) => line.verification === body.id);
  const facts = lines.filter((line) => line.fact !== undefined);

  const byText = (a: { text: string }, b: { text: string }) => (a.text < b.text ? -1 : 1);
  expect(facts.map(({ fact, msg }) => ({ type: fact, text: msg })).sort(byText)).toEqual(
    (await timeline()).map(({ type, text }) => ({ type, text })).sort(byText),
  );
  expect(lines).toEqual(facts); // nothing is told twice
  const own = facts.filter(({ fact }) => !fact.startsWith('check.') && fact !== 'verification.approved');
  expect(own.map((line) => [line.level, line.trace_id])).toEqual(own.map(() => [30, TRACE]));
  const sent = facts.find(({ fact }) => fact === 'attempt.sent');
  expect(sent).toMatchObject({ process: 'worker', channel: 'sms', tries: 1, request_id: headers['x-request-id'] });
  const request = service.logged.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'request');
  expect(request).toMatchObject({ request_id: headers['x-request-id'], trace_id: TRACE });
  expect(service.logged.join('')).not.toContain(to.slice(2));
  expect(service.logged.join('')).not.toContain(code);
});

it('what the clock brings about is told as set off by the request that submitted the verification', async () => {
  const service = await startService({ env: { WORKFLOW: 'sms:45s,call' } });
  onTestFinished(() => service.close());
  const headers = { 'x-request-id': 'req_of-the-client', traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
  const { body } = await service.call<{ id: string }>('POST', '/v1/verifications', { to: freshNumber() }, headers);
  await service.receiver.event('verification.attempt.sent', body.id);
  await service.queues.verifications.remove(body.id); // so that the reconciler has to

  service.clock.advance(46_000);

  await service.receiver.first(
    ({ body: { type, data } }) => type === 'verification.attempt.sent' && data.attempt?.channel === 'call',
  );
  const told = service.logged.map((line) => JSON.parse(line)).filter((line) => line.channel === 'call' && line.fact);
  expect(told.map(({ fact, request_id, trace_id }) => [fact, request_id, trace_id])).toEqual([
    ['attempt.started', headers['x-request-id'], TRACE],
    ['attempt.sent', headers['x-request-id'], TRACE],
  ]);
});
