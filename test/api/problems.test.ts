import { request } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished } from 'vitest';
import { API_KEY, it, OTHER_API_KEY, startService } from '../fixtures.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('a request that cannot be served', () => {
  it.for<[string, Record<string, string>]>([
    ['no key', { authorization: '' }],
    ['an unknown key', { authorization: 'Bearer nobody-knows-this-secret-at-all' }],
    ['another scheme', { authorization: `Basic ${API_KEY}` }],
  ])('is 401 with %s', async ([, headers], { service }) => {
    const answer = await service.call('POST', '/v1/verifications', { to: '+14045550123' }, headers);

    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({ type: '/problems/unauthorized', status: 401, code: 'unauthorized' });
  });

  it.for([
    ['broken JSON', '{"to":', 400, 'malformed-json'],
    ['a body of 17 KB', JSON.stringify({ to: 'x'.repeat(17_000) }), 413, 'body-too-large'],
    ['a JSON array', '[]', 422, 'invalid-request'],
    ['a JSON string', '"x"', 422, 'invalid-request'],
    ['null', 'null', 422, 'invalid-request'],
  ] as const)('says so for %s', async ([, body, status, code], { service }) => {
    const answer = await service.call('POST', '/v1/verifications', body);

    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ code, request_id: answer.headers.get('x-request-id') });
  });

  it('says so for a missing body', async ({ service }) => {
    const answer = await service.call('POST', '/v1/verifications', undefined, JSON_TYPE);

    expect(answer.status).toBe(422);
  });

  it.for(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'is 415 with %s',
    async (type, { service }) => {
      const answer = await service.call('POST', '/v1/verifications', 'to=%2B14045550123', { 'content-type': type });

      expect(answer.status).toBe(415);
      expect(answer.body['code']).toBe('unsupported-media-type');
    },
  );

  it.for(['application/vnd.api+json', 'application/json-patch+json'])('is 415 with %s', async (type, { service }) => {
    const answer = await service.call('POST', '/v1/verifications', '{}', { 'content-type': type });

    expect(answer.status).toBe(415);
  });

  it.for(['gzip', 'deflate', 'br', 'compress', 'gzip, identity'])(
    'is 415 when it is %s',
    async (encoding, { service }) => {
      const body = gzipSync('{"to":"+14045550123"}');
      const response = await fetch(`${service.url}/v1/verifications`, {
        method: 'POST',
        headers: { ...JSON_TYPE, authorization: `Bearer ${API_KEY}`, 'content-encoding': encoding },
        body,
      });

      const problem = { code: 'unsupported-media-type', detail: expect.stringContaining('uncompressed') };
      expect([response.status, await response.json()]).toMatchObject([415, problem]);
    },
  );

  it('is malformed when it is not UTF-8', async ({ service }) => {
    const body = Buffer.concat([
      Buffer.from('{"to":"+14045550123","reference":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ]);
    const response = await fetch(`${service.url}/v1/verifications`, {
      method: 'POST',
      headers: { ...JSON_TYPE, authorization: `Bearer ${API_KEY}` },
      body,
    });

    expect([response.status, await response.json()]).toMatchObject([400, { code: 'malformed-json' }]);
  });

  it.for([
    ['{"to":"+14045550123","metadata":{"__proto__":"x"}}', '/metadata/__proto__'],
    ['{"to":"+14045550123","__proto__":{"polluted":true}}', '/__proto__'],
  ] as const)('names a key that no object can hold: %s', async ([body, pointer], { service }) => {
    const answer = await service.call('POST', '/v1/verifications', body);

    expect(answer.body).toMatchObject({ status: 422, errors: [{ pointer, code: 'unknown-field' }] });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.for([
    [
      'headers of 20 KB',
      `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers-too-large',
    ],
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'malformed-request'],
    ['no Host', 'GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'malformed-request'],
  ] as const)('is a problem document for %s', async ([, sent, status, code], { service }) => {
    const socket = connect(service.api.port, '127.0.0.1');
    socket.end(sent);
    const answer = await new Response(Readable.toWeb(socket) as ReadableStream).text();

    expect(answer).toContain(`HTTP/1.1 ${status} `);
    expect(answer).toMatch(/x-request-id: req_/i);
    expect(answer).toMatch(/cache-control: no-store/i);
    expect(answer).toMatch(/x-content-type-options: nosniff/i);
    expect(answer).toMatch(/content-security-policy: default-src/i);
    expect(answer).toContain(`"code":"${code}"`);
  });

  it.for([{}, { 'idempotency-key': 'deep' }])(
    'is refused when it is nested without end (%j)',
    async (headers, { service }) => {
      const body = `{"to":${'['.repeat(7_000)}${']'.repeat(7_000)}}`;

      expect((await service.call('POST', '/v1/verifications', body, headers as Record<string, string>)).status).toBe(
        422,
      );
    },
  );

  it('says what kind of value is wanted, and names a field once', async ({ service }) => {
    const answer = await service.call('POST', '/v1/verifications', {
      to: '+14045550123',
      code_length: 'six',
      metadata: [],
      workflow: [{}],
      max_checks: 1e30,
    });

    expect(answer.body['errors']).toEqual([
      { pointer: '/workflow/0/channel', code: 'required', detail: 'this field is required' },
      { pointer: '/code_length', code: 'invalid-type', detail: 'must be a number' },
      { pointer: '/max_checks', code: 'out-of-range', detail: 'must be a whole number from 1 to 10' },
      { pointer: '/metadata', code: 'invalid-type', detail: 'must be an object' },
    ]);
  });

  it.for([
    '/nowhere',
    '/v1/nowhere',
    '/v1/verifications/ver_x',
    `/v1/verifications/ver_${'0'.repeat(34)}`,
    '/v1/verifications/%00',
    '/v1/verifications/%E0%A4%A',
  ])('is a problem document at %s', async (path, { service }) => {
    const answer = await service.call('GET', path);

    expect([400, 404]).toContain(answer.status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(JSON.stringify(answer.body)).not.toMatch(/at \w+ \(|node_modules/);
  });

  it.for(['/demo/%00', '/demo/pages/%00', '/docs/%00', '/problems/%00', '/demo/..%2fdemo.ts'])(
    'is not found when it cannot be the name of a file: %s',
    async (path) => {
      const service = await startService({ workers: 0, demo: true });
      onTestFinished(() => service.close());
      const answer = await service.call('GET', path);

      expect(answer.body).toMatchObject({ status: 404, code: 'not-found' });
    },
  );

  it("hides another key's verification", async ({ service }) => {
    const { id } = await service.submit({ to: '+14045550123' });
    const headers = { authorization: `Bearer ${OTHER_API_KEY}` };

    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/checks'],
      ['POST', '/attempts'],
      ['POST', '/cancel'],
    ] as const) {
      const body = path === '/checks' ? { code: '123456' } : method === 'POST' ? {} : undefined;
      const answer = await service.call(method, `/v1/verifications/${id}${path}`, body, headers);
      expect([path, answer.status, answer.body['code']]).toEqual([path, 404, 'not-found']);
    }
  });
});

describe('every answer', () => {
  it('carries the request id, the own one when it is usable', async ({ service }) => {
    const own = await service.call('GET', '/v1/verifications/x', undefined, { 'x-request-id': 'order-17' });
    const bad = await service.call('GET', '/v1/verifications/x', undefined, { 'x-request-id': 'a b' });
    const number = await service.call('GET', '/v1/verifications/x', undefined, { 'x-request-id': '14045550123' });

    expect(own.headers.get('x-request-id')).toBe('order-17');
    expect(own.body['request_id']).toBe('order-17');
    for (const answer of [bad, number]) expect(answer.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]+$/);
  });

  it.for([
    ['01234567-0123-4123-8123-012345678901', true],
    ['4bf92f3577b34da6a3ce929d0e0e4736', true],
    ['build-42.7_a', true],
    ['14045550123', false],
    ['x14045550123', false],
    ['a'.repeat(129), false],
  ] as const)('keeps a request id from holding a number: %s (taken: %s)', async ([given, taken], { service }) => {
    const answer = await service.call('GET', '/v1/verifications/x', undefined, { 'x-request-id': given });

    expect(answer.headers.get('x-request-id') === given).toBe(taken);
    if (!taken) expect(service.logged.join()).not.toContain(given);
  });

  it.for(['GET', 'DELETE'])('does not read what comes along with a %s', async (method, { service }) => {
    const socket = connect(service.api.port, '127.0.0.1');
    const path = method === 'GET' ? '/v1/verifications' : '/v1/callback-endpoints/x';
    const head = [`${method} ${path} HTTP/1.1`, 'host: x', `authorization: Bearer ${API_KEY}`, 'connection: close'];
    socket.write(`${[...head, 'content-type: application/json', 'content-length: 5'].join('\r\n')}\r\n\r\n{"to"`);
    const answer = await new Response(Readable.toWeb(socket) as ReadableStream).text();

    expect(answer).toContain(method === 'GET' ? 'HTTP/1.1 200 ' : 'HTTP/1.1 404 ');
  });

  it('comes for an Expect that nobody knows, too', async ({ service }) => {
    const socket = connect(service.api.port, '127.0.0.1');
    socket.write('GET /livez HTTP/1.1\r\nhost: x\r\nexpect: a-miracle\r\nconnection: close\r\n\r\n');
    const answer = await new Response(Readable.toWeb(socket) as ReadableStream).text();

    expect(answer).toContain('HTTP/1.1 200 ');
    expect(answer.toLowerCase()).toContain('x-request-id: req_');
  });

  it.for([
    '/livez',
    '/readyz',
    '/openapi.json',
    '/docs/',
    '/docs/reference.js',
    '/problems/not-found',
    '/nowhere',
    '/v1/verifications',
    '/v1/verifications/x',
    '/demo/',
    '/demo/api/verifications/x',
    '/admin/sign-in',
    '/admin/queues',
  ])('comes without the name of the framework, with the usual protections: %s', async (path) => {
    const service = await startService({
      workers: 0,
      demo: true,
      env: { ADMIN_USER: 'ops', ADMIN_PASSWORD: 'a-password' },
    });
    onTestFinished(() => service.close());
    const response = await fetch(service.url + path, {
      headers: { authorization: `Bearer ${API_KEY}` },
      redirect: 'manual',
    });

    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-request-id': expect.stringMatching(/^req_/),
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining('default-src'),
      'strict-transport-security': expect.stringContaining('max-age'),
      'referrer-policy': expect.any(String),
    });
    expect(response.headers.get('x-powered-by')).toBeNull();
    await response.body?.cancel();
  });

  it.for([
    ['/livez', 'no-store'],
    ['/readyz', 'no-store'],
    ['/nowhere', 'no-store'],
    ['/docs/nowhere', 'no-store'],
    ['/problems/nowhere', 'no-store'],
    ['/v1/verifications', 'no-store'],
    ['/v1/callbacks', 'no-store'],
    ['/v1/callback-endpoints', 'no-store'],
    ['/v1/verifications/x', 'no-store'],
    ['/docs/', 'no-cache'],
    ['/problems', 'no-cache'],
    ['/openapi.json', 'no-cache'],
  ] as const)('is kept by nobody when it holds data: %s is %s', async ([path, expected], { service }) => {
    const response = await fetch(service.url + path, { headers: { authorization: `Bearer ${API_KEY}` } });
    await response.body?.cancel();

    expect(response.headers.get('cache-control')).toBe(expected);
  });

  it('is never "not modified" where nobody compared anything', async ({ service }) => {
    for (const path of ['/v1/verifications', '/v1/callbacks', '/openapi.json', '/problems']) {
      const answer = await fetch(service.url + path, {
        headers: { authorization: `Bearer ${API_KEY}`, 'if-none-match': '*' },
      });
      expect([path, answer.status, (await answer.text()) !== '']).toEqual([path, 200, true]);
    }
  });

  it.for([
    { 'if-match': '"x"' },
    { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' },
    { range: 'bytes=999999999-' },
  ])('of a file is the whole file, whatever is asked of it: %j', async (headers, { service }) => {
    const answer = await fetch(`${service.url}/docs/reference.js`, { headers: headers as Record<string, string> });

    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('SwaggerUI')]);
  });

  it('names the trace of its caller in the log, and nowhere else', async ({ service }) => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const answer = await service.call('GET', '/v1/verifications/x', undefined, { traceparent });
    await service.call('GET', '/v1/verifications/x', undefined, { traceparent: traceparent.toUpperCase() });

    const lines = service.logged.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request');
    expect(lines.map((line) => line.trace_id)).toEqual([traceId, undefined]);
    expect(JSON.stringify([...answer.headers]) + JSON.stringify(answer.body)).not.toContain(traceId);
  });

  it('outlives a client that hangs up in the middle of its body', async ({ service }) => {
    await new Promise<void>((resolve) => {
      const half = request(`${service.url}/v1/verifications`, {
        method: 'POST',
        headers: { ...JSON_TYPE, authorization: `Bearer ${API_KEY}`, 'content-length': 1_000 },
      });
      half.on('error', () => resolve());
      half.write('{"to":', () => half.destroy(new Error('gone')));
    });

    expect((await service.call('GET', '/livez')).status).toBe(200);
  });
});
