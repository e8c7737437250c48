import { describe, expect, it } from 'vitest';
import { classifySend } from '../../src/shared/classify-send.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);
const SECRETS = ['PTsecret'];
const ID = '3fa85f64-5717-4562-b3fc-2c963f66afa6';

const answered = (httpStatus: number, body: unknown = '', retryAfter?: string) =>
  classifySend(
    { kind: 'answered', httpStatus, body: typeof body === 'string' ? body : JSON.stringify(body), retryAfter },
    { now: NOW, secrets: SECRETS },
  );

describe('an answer that accepts', () => {
  it.each([200, 201, 202, 299])('is sent with any 2xx: %i', (status) => {
    expect(answered(status, { id: ID, success: true })).toEqual({ kind: 'sent', mfaId: ID, httpStatus: status });
  });

  it.each([true, 'true', undefined, null, 0, 'yes'])('is sent unless success is false: %j', (success) => {
    expect(answered(200, { id: ID, success, to: '+14045550123', channel: 'sms' })).toMatchObject({
      kind: 'sent',
      mfaId: ID,
    });
  });

  it.each([false, 'false'])('is refused when success is %j, with or without an id', (success) => {
    const refused = { kind: 'refused', httpStatus: 200, providerCode: undefined, account: false };
    expect(answered(200, { id: ID, success })).toEqual({
      ...refused,
      detail: 'SignalWire answered 200 without success',
    });
    expect(answered(200, { success, message: 'To +14045550123 is bad' })).toEqual({
      ...refused,
      detail: 'SignalWire answered 200 without success: To ••••23 is bad',
    });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'OK'],
    ['HTML', '<html></html>'],
    ['cut off JSON', `{"id":"${ID}`],
    ['a string', JSON.stringify(ID)],
    ['a list', [{ id: ID }]],
    ['null', 'null'],
    ['no id', { success: true }],
    ['an empty id', { id: '', success: true }],
    ['a blank id', { id: '  ', success: true }],
    ['a numeric id', { id: 17, success: true }],
    ['an id of null', { id: null, success: true }],
    ['an id that cannot be written in a URL', { id: '\ud800' }],
    ['an id beyond all sense', { id: 'x'.repeat(201) }],
  ])('is unknown when its body is %s', (_, body) => {
    expect(answered(200, body)).toEqual({ kind: 'unknown', httpStatus: 200, detail: expect.stringContaining('200') });
  });

  it('is unknown when its body was cut off', () => {
    const outcome = classifySend(
      { kind: 'answered', httpStatus: 200, body: undefined, retryAfter: undefined },
      { now: NOW, secrets: [] },
    );
    expect(outcome).toMatchObject({ kind: 'unknown', httpStatus: 200 });
  });
});

describe('an answer that does not accept', () => {
  it.each([
    ...[300, 301, 302, 303, 304, 307, 308, 401, 402, 403, 404, 405, 415].map(
      (status) => [status, 'misconfigured'] as const,
    ),
    ...[400, 406, 409, 410, 413, 414, 418, 421, 422, 423, 425, 426, 428, 431, 451, 499].map(
      (s) => [s, 'refused'] as const,
    ),
    ...[408, 500, 501, 502, 504, 505, 507, 520, 522, 524, 529, 599].map((status) => [status, 'unknown'] as const),
    [429, 'rate_limited'],
    [503, 'not_sent'],
  ] as const)('with %i is %s, whatever its body says', (status, kind) => {
    expect(answered(status)).toMatchObject({ kind, httpStatus: status });
    expect(answered(status, { id: ID, success: true })).toMatchObject({ kind, httpStatus: status });
    expect(answered(status, { errors: [{ code: 'rate_limit_exceeded' }] })).toMatchObject({ kind, httpStatus: status });
  });

  it.each([429, 503])('with %i says when to try again', (status) => {
    expect(answered(status, '', '7')).toMatchObject({ retryAfterMs: 7_000 });
    expect(answered(status, '', 'Mon, 23 Nov 2026 12:00:30 GMT')).toMatchObject({ retryAfterMs: 30_000 });
    expect(answered(status, '', 'soon')).toMatchObject({ retryAfterMs: undefined });
    expect(answered(status)).toMatchObject({ retryAfterMs: undefined });
  });

  it('is explained in a sentence without numbers and credentials', () => {
    const errors = [{ detail: 'To +14045550123 is bad, said PTsecret', code: '422' }];
    for (const status of [400, 401, 302, 429, 500, 503]) {
      const outcome = answered(status, { errors });
      expect(outcome).toHaveProperty(
        'detail',
        expect.stringMatching(`^SignalWire answered ${status}.*: To ••••23 is bad, said \\[hidden\\]$`),
      );
    }
  });

  it('is explained in 200 characters at most', () => {
    const outcome = answered(422, { errors: Array.from({ length: 50 }, () => ({ detail: 'To is bad' })) });
    expect(outcome).toHaveProperty('detail', expect.stringMatching(/^.{200}$/u));
  });

  it('is explained without a reason when none was given', () => {
    expect(answered(422, { errors: [{ detail: null }] })).toHaveProperty('detail', 'SignalWire answered 422');
    expect(answered(401)).toHaveProperty('detail', 'SignalWire answered 401 (are project key and token right?)');
  });

  it('names the code, and whether it speaks of the account', () => {
    const withCode = (code: string) => ({
      errors: [{ type: 'validation_error', code, message: 'x', attribute: 'to' }],
    });
    expect(answered(422, withCode('not_routable'))).toMatchObject({ providerCode: 'not_routable', account: false });
    expect(answered(422, withCode('inactive_campaign'))).toMatchObject({
      providerCode: 'inactive_campaign',
      account: true,
    });
    expect(answered(400, withCode('inactive_campaign'))).toMatchObject({
      providerCode: 'inactive_campaign',
      account: false,
    });
    expect(answered(422, withCode('422'))).toMatchObject({ providerCode: undefined, account: false });
  });
});

describe('no answer', () => {
  const without = (kind: 'not_written' | 'unanswered') =>
    classifySend({ kind, cause: 'ECONNRESET' }, { now: NOW, secrets: SECRETS });

  it('is not sent when the request was certainly not written', () => {
    expect(without('not_written')).toEqual({
      kind: 'not_sent',
      httpStatus: null,
      retryAfterMs: undefined,
      detail: 'SignalWire was not reached, so nothing was sent: ECONNRESET',
    });
  });

  it('is unknown when it may have been', () => {
    expect(without('unanswered')).toEqual({
      kind: 'unknown',
      httpStatus: null,
      detail: "SignalWire's answer was lost, so a code may have been sent: ECONNRESET",
    });
  });
});
