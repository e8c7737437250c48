import { describe, expect, it as plainIt } from 'vitest';
import { createRingback, type ErrorCode, PROBLEM_CODES, RingbackError } from '../../../clients/typescript/src/index.ts';
import { retryInMs } from '../../../clients/typescript/src/retry.ts';
import { startHttpServer } from '../../callback-server.ts';
import { API_KEY, freshNumber, type Service } from '../../fixtures.ts';
import { startTcpProxy } from '../../tcp-proxy.ts';
import { failureOf, it, texted } from './fixtures.ts';

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A network that loses the answers to the first requests, after the service has done what they asked. */
function losing(answers: number) {
  const requests: RequestInit[] = [];
  const fetchAndLose: Fetch = async (url, init) => {
    requests.push(init);
    const response = await fetch(url, init);
    if (requests.length > answers) return response;
    await response.arrayBuffer();
    throw new TypeError('fetch failed');
  };
  return { fetch: fetchAndLose, requests };
}

const through = (service: Service, network: { fetch: Fetch }) =>
  createRingback({ url: service.url, apiKey: API_KEY, fetch: network.fetch });

const keysOf = (requests: readonly RequestInit[]) =>
  requests.map(({ headers }) => new Headers(headers).get('idempotency-key'));

describe('a lost answer', () => {
  it('is asked for again with the same key, and done once', async ({ service }) => {
    const network = losing(2);
    const to = freshNumber();
    const { id } = await through(service, network).submit({ to });
    await service.receiver.event('verification.attempt.sent', id);

    expect(network.requests).toHaveLength(3);
    const keys = new Set(keysOf(network.requests));
    expect([...keys]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    expect(service.sandbox.sendsTo(to)).toBe(1);
  });

  it('is no second attempt', async ({ service, ringback }) => {
    const { id } = await texted(service, ringback);

    expect((await through(service, losing(1)).requestAttempt(id)).attempts).toHaveLength(2);
  });

  it('is not asked for again after a check, because that may have counted', async ({ service, ringback }) => {
    const { id, code } = await texted(service, ringback);
    const network = losing(1);

    expect((await failureOf(through(service, network).check(id, code))).code).toBe('unreachable');
    expect(network.requests).toHaveLength(1);
    expect(await ringback.get(id)).toMatchObject({ status: 'approved', checks: { used: 1 } });
  });

  it('is not asked for again when it alone showed a secret', async ({ service, ringback }) => {
    const network = losing(1);
    const lossy = through(service, network);

    expect((await failureOf(lossy.callbackEndpoints.create({ url: service.receiver.url }))).code).toBe('unreachable');
    expect(network.requests).toHaveLength(1);
    expect(await ringback.callbackEndpoints.list()).toHaveLength(1);
  });
});

describe('a call', () => {
  it('gets through when the network comes back', async ({ service }) => {
    const proxy = await startTcpProxy(service.api.port);
    await proxy.cut();
    const restoring: Fetch = (url, init) =>
      fetch(url, init).catch(async (error: unknown) => {
        await proxy.restore();
        throw error;
      });
    const ringback = createRingback({ url: `http://127.0.0.1:${proxy.port}`, apiKey: API_KEY, fetch: restoring });

    expect(await ringback.submit({ to: freshNumber() })).toMatchObject({ status: 'queued' });
    await proxy.close();
  });

  it('with one key is one verification, however many come at once', async ({ service, ringback }) => {
    const to = freshNumber();
    const submit = () => ringback.submit({ to }, { idempotencyKey: 'at-once' });
    const answers = await Promise.all(Array.from({ length: 10 }, submit));
    await service.receiver.event('verification.attempt.sent', String(answers[0]?.id));

    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(service.sandbox.sendsTo(to)).toBe(1);
  });

  it('is repeated after a check that was not counted', async ({ service, ringback }) => {
    const { id, code } = await texted(service, ringback);
    service.sandbox.behave({ operation: 'verify' }, [{ status: 503, headers: { 'retry-after': '1' } }]);

    expect(await ringback.check(id, code)).toMatchObject({ approved: true, checks: { used: 1 } });
  });

  it('is not repeated after a check that may have been counted', async ({ service, ringback }) => {
    const { id, code } = await texted(service, ringback);
    service.sandbox.behave({ operation: 'verify' }, ['accept-then-cut']);

    expect((await failureOf(ringback.check(id, code))).code).toBe('check-inconclusive');
    expect((await ringback.get(id)).checks.used).toBe(1);
  });

  it('is given up when no try is answered in time', async () => {
    let requests = 0;
    const silent = await startHttpServer(() => {
      requests += 1;
    });
    const ringback = createRingback({ url: `http://127.0.0.1:${silent.port}`, apiKey: API_KEY, timeoutMs: 50 });

    expect((await failureOf(ringback.get('ver_1', { retries: 1 }))).code).toBe('timeout');
    expect(requests).toBe(2);
  });

  it('ends with its signal while it waits for the next try', { timeout: 5_000 }, async () => {
    const controller = new AbortController();
    const enough = new Error('enough');
    const away = await startHttpServer((_request, response) => {
      response.writeHead(503, { 'retry-after': '10' }).end(() => setImmediate(() => controller.abort(enough)));
    });
    const ringback = createRingback({ url: `http://127.0.0.1:${away.port}`, apiKey: API_KEY });

    await expect(ringback.get('ver_1', { signal: controller.signal })).rejects.toBe(enough);
  });

  it('is not made when its signal is aborted', async ({ ringback }) => {
    const signal = AbortSignal.abort(new Error('enough'));

    await expect(ringback.get('ver_1', { signal })).rejects.toBe(signal.reason);
  });
});

describe('an answer', () => {
  /** A service that answers in a way of its own. */
  async function answering(status: number, body: string, headers: Record<string, string> = {}) {
    let requests = 0;
    const server = await startHttpServer((_request, response) => {
      requests += 1;
      response.writeHead(status, headers).end(body);
    });
    const ringback = createRingback({ url: `http://127.0.0.1:${server.port}`, apiKey: API_KEY, retries: 1 });
    return { ringback, requests: () => requests };
  }

  it('of a proxy for a service that is away is not the last word', async () => {
    const { ringback, requests } = await answering(502, '<h1>Bad Gateway</h1>');

    expect(await failureOf(ringback.get('ver_1'))).toMatchObject({ code: 'unexpected-answer', status: 502 });
    expect(requests()).toBe(2);
  });

  it('with a code of a newer service is told by its status', async () => {
    const problem = { type: '/problems/tea-time', title: '', status: 418, code: 'tea-time', detail: 'come back later' };
    const { ringback } = await answering(418, JSON.stringify(problem));

    const error = await failureOf(ringback.get('ver_1'));
    expect(error).toMatchObject({ code: 'unknown-problem', status: 418, problem });
    expect(error.message).toBe('tea-time: come back later');
  });

  it.for(['', 'null', '{"code":1}', '<html>'])('that is none of Ringback is not taken for one: %j', async (body) => {
    const { ringback, requests } = await answering(500, body);

    expect(await failureOf(ringback.get('ver_1'))).toMatchObject({ code: 'unexpected-answer', status: 500 });
    expect(requests()).toBe(1);
  });

  it('of success has to be JSON', async () => {
    const { ringback } = await answering(200, '<html>');

    expect(await failureOf(ringback.get('ver_1'))).toMatchObject({ code: 'unexpected-answer', status: 200 });
  });

  it('that leads elsewhere is not followed, for the key is for this address', async () => {
    const elsewhere = await startHttpServer((_request, response) => response.end('{}'));
    const { ringback } = await answering(307, '', { location: `http://127.0.0.1:${elsewhere.port}/` });

    expect(await failureOf(ringback.get('ver_1'))).toMatchObject({ code: 'unexpected-answer', status: 307 });
    expect(elsewhere.connections()).toBe(0);
  });

  it.for([
    ['3', 3_000],
    ['0', 0],
    [new Date(0).toUTCString(), 0],
    ['soon', undefined],
  ] as const)('with Retry-After: %s asks for %s ms', async ([value, ms]) => {
    const { ringback } = await answering(500, '', { 'retry-after': value });

    expect((await failureOf(ringback.get('ver_1'))).retryAfterMs).toBe(ms);
  });
});

describe('the wait before a repeat', () => {
  const wait = (
    code: ErrorCode,
    repeatable: boolean,
    { status, retryAfterMs, tries = 1, random = 0 } = {} as Partial<{
      status: number;
      retryAfterMs: number;
      tries: number;
      random: number;
    }>,
  ) => {
    const error = new RingbackError(code, '', { problem: undefined as never, ...(status && { status }), retryAfterMs });
    return retryInMs(error, repeatable, tries, random);
  };

  plainIt('is there for few codes only', () => {
    const codes: ErrorCode[] = [...PROBLEM_CODES, 'unreachable', 'timeout', 'unexpected-answer', 'unknown-problem'];

    expect(codes.filter((code) => wait(code, false) !== undefined)).toEqual([
      'rate-limited',
      'checks-in-flight',
      'provider-unavailable',
    ]);
    expect(codes.filter((code) => wait(code, true) !== undefined)).toEqual([
      'idempotency-key-in-use',
      'rate-limited',
      'checks-in-flight',
      'unavailable',
      'provider-unavailable',
      'unreachable',
      'timeout',
    ]);
  });

  plainIt('is there for a proxy without its service, when a repeat does no harm', () => {
    expect([502, 503, 504].map((status) => wait('unexpected-answer', true, { status }))).toEqual([0, 0, 0]);
    expect(wait('unexpected-answer', false, { status: 503 })).toBeUndefined();
    expect(wait('unexpected-answer', true, { status: 500 })).toBeUndefined();
  });

  plainIt('is anything up to a bound that doubles, up to 8 s', () => {
    expect([1, 2, 3, 5, 6, 60].map((tries) => wait('timeout', true, { tries, random: 0.5 }))).toEqual([
      250, 500, 1_000, 4_000, 4_000, 4_000,
    ]);
    expect(wait('timeout', true, { random: 0 })).toBe(0);
  });

  plainIt('adds to Retry-After, and is not longer than 10 s', () => {
    expect(wait('unavailable', true, { retryAfterMs: 2_000, random: 0.5 })).toBe(2_250);
    expect(wait('rate-limited', false, { retryAfterMs: 10_000 })).toBe(10_000);
    expect(wait('rate-limited', false, { retryAfterMs: 10_001 })).toBeUndefined();
  });
});
