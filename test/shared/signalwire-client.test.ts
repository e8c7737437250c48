import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type LookupFunction,
  type Server,
  type Socket,
} from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createSignalWireClient, type SendRequest } from '../../src/shared/signalwire-client.ts';
import { findQuietPort } from '../quiet-port.ts';

const PROJECT_KEY = '7b6f3c1e-test-project';
const TOKEN = 'PTtest-token-0123456789';
const BASIC = Buffer.from(`${PROJECT_KEY}:${TOKEN}`).toString('base64');
const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);
const ID = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
const TO = '+447700900123';
/** Long enough for what happens on loopback, short enough to be awaited. */
const SOON_MS = 1_000;
const FIXTURE = 'test/fixtures/tls/test-fixture-self-signed';

const TEXT: SendRequest = {
  channel: 'sms',
  to: TO,
  tokenLength: 6,
  validForSeconds: 600,
  maxAttempts: 7,
  allowAlphas: false,
};
const ACCEPTED = JSON.stringify({ id: ID, success: true, to: TO, channel: 'sms' });

type Options = Partial<Parameters<typeof createSignalWireClient>[0]>;

function startClient(baseUrl: string, options: Options = {}) {
  const client = createSignalWireClient({
    baseUrl,
    projectKey: PROJECT_KEY,
    token: TOKEN,
    timeoutMs: 10_000,
    clock: { now: () => NOW },
    ...options,
  });
  onTestFinished(() => client.close());
  return client;
}

/** A list whose next entries can be awaited. */
function awaitable<T>() {
  const items: T[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  return {
    items,
    add(item: T) {
      items.push(item);
      for (const { count, resolve } of waiting) if (items.length >= count) resolve();
    },
    reach: (count: number) =>
      new Promise<void>((resolve) => {
        if (items.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
  };
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // the client hangs up, which is what some tests are about
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

interface Received {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

type Respond = (response: ServerResponse, count: number, socket: Socket) => void;

/** An HTTP server that answers each request, read to its end, as `respond` says; `count` is from 1. */
async function startServer(respond: Respond) {
  const requests = awaitable<Received>();
  const connections = awaitable<Socket>();
  const closed = awaitable<Socket>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    requests.add({ method: request.method, url: request.url, headers: request.headers, body });
    respond(response, requests.items.length, request.socket);
  });
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('close', () => closed.add(socket));
  });
  return { url: `http://127.0.0.1:${await listen(server)}`, requests, connections, closed };
}

const answer =
  (status: number, body = '', headers: Record<string, string> = {}): Respond =>
  (response) =>
    response.writeHead(status, headers).end(body);
const accept = answer(200, ACCEPTED, { 'content-type': 'application/json' });
const never: Respond = () => {};

/** A server that speaks no HTTP: what it does with each connection is `onConnection`'s business. */
async function startTcpServer(onConnection: (socket: Socket) => void) {
  const connections = awaitable<Socket>();
  const server = createTcpServer((socket) => {
    onConnection(socket);
    connections.add(socket);
  });
  return { port: await listen(server), connections };
}

describe('a try to send', () => {
  it('is one POST of JSON with Basic authentication', async () => {
    const { url, requests } = await startServer(accept);
    const client = startClient(url);

    const outcome = await client.send(
      { ...TEXT, from: '+12029167968', message: 'Your Acme code is:', allowAlphas: true },
      {},
    );

    expect(outcome).toEqual({ kind: 'sent', mfaId: ID, httpStatus: 200 });
    expect(requests.items).toHaveLength(1);
    const [request] = requests.items;
    expect(request).toMatchObject({
      method: 'POST',
      url: '/api/relay/rest/mfa/sms',
      headers: { authorization: `Basic ${BASIC}`, 'content-type': 'application/json', accept: 'application/json' },
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      to: TO,
      from: '+12029167968',
      message: 'Your Acme code is:',
      token_length: 6,
      valid_for: 600,
      max_attempts: 7,
      allow_alphas: true,
    });
  });

  it('goes to the path of its channel, and leaves out what is not given', async () => {
    const { url, requests } = await startServer(accept);

    await startClient(url).send({ ...TEXT, channel: 'call' }, {});

    const [request] = requests.items;
    expect(request?.url).toBe('/api/relay/rest/mfa/call');
    expect(Object.keys(JSON.parse(request?.body ?? ''))).toEqual([
      'to',
      'token_length',
      'valid_for',
      'max_attempts',
      'allow_alphas',
    ]);
  });

  it.each([
    [201, 'sent'],
    [302, 'misconfigured'],
    [401, 'misconfigured'],
    [404, 'misconfigured'],
    [408, 'unknown'],
    [422, 'refused'],
    [429, 'rate_limited'],
    [500, 'unknown'],
    [502, 'unknown'],
    [503, 'not_sent'],
    [504, 'unknown'],
  ])('that is answered with %i is %s and is not repeated', async (status, kind) => {
    const { url, requests } = await startServer(answer(status, ACCEPTED));

    expect(await startClient(url).send(TEXT, {})).toMatchObject({ kind, httpStatus: status });
    expect(requests.items).toHaveLength(1);
  });

  it('follows no redirect', async () => {
    const { url, requests } = await startServer((response) =>
      response.writeHead(307, { location: '/elsewhere' }).end(),
    );

    expect(await startClient(url).send(TEXT, {})).toMatchObject({ kind: 'misconfigured', httpStatus: 307 });
    expect(requests.items).toHaveLength(1);
  });

  it.each([
    ['7', 7_000],
    ['Mon, 23 Nov 2026 12:01:00 GMT', 60_000],
  ])('reads Retry-After: %s', async (value, retryAfterMs) => {
    const { url } = await startServer(answer(429, '', { 'retry-after': value }));

    expect(await startClient(url).send(TEXT, {})).toMatchObject({ kind: 'rate_limited', retryAfterMs });
  });

  it('reads the first of two Retry-After headers', async () => {
    const { url } = await startServer((response) =>
      response.writeHead(503, ['retry-after', '3', 'retry-after', '9']).end(),
    );

    expect(await startClient(url).send(TEXT, {})).toMatchObject({ kind: 'not_sent', retryAfterMs: 3_000 });
  });

  it('waits for the answer behind a 102 and a 103', async () => {
    const { url } = await startServer((response, count, socket) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      accept(response, count, socket);
    });

    expect(await startClient(url).send(TEXT, {})).toMatchObject({ kind: 'sent' });
  });

  it('never shows a number or a credential that the answer echoes', async () => {
    const { url } = await startServer((response) => {
      const detail = `To ${TO} is bad. Authorization was Basic ${BASIC}, for ${PROJECT_KEY} with ${TOKEN}`;
      response.writeHead(422).end(JSON.stringify({ errors: [{ detail, code: '422' }] }));
    });

    expect(await startClient(url).send(TEXT, {})).toEqual({
      kind: 'refused',
      httpStatus: 422,
      detail: 'SignalWire answered 422: To ••••23 is bad. Authorization was Basic [hidden], for [hidden] with [hidden]',
      providerCode: undefined,
      account: false,
    });
  });
});

describe('a try that never left', () => {
  it('is not sent when the connection is refused', async () => {
    const outcome = await startClient(`http://127.0.0.1:${await findQuietPort()}`).send(TEXT, {});

    expect(outcome).toEqual({
      kind: 'not_sent',
      detail: 'SignalWire was not reached, so nothing was sent: connection refused',
      httpStatus: null,
      retryAfterMs: undefined,
    });
  });

  it('is not sent when the name cannot be resolved', async () => {
    const lookup: LookupFunction = (_, __, done) => {
      done(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), '', 0);
    };

    const outcome = await startClient('http://acme.signalwire.test', { lookup }).send(TEXT, {});

    expect(outcome).toMatchObject({ kind: 'not_sent', detail: expect.stringContaining('host name not found') });
  });

  it('is not sent when the name is not resolved in time', async () => {
    const client = startClient('http://acme.signalwire.test', {
      lookup: () => {},
      timeoutMs: 20,
      connectTimeoutMs: 10_000,
    });

    expect(await client.send(TEXT, {})).toMatchObject({ kind: 'not_sent', detail: expect.stringContaining('timeout') });
  });

  it('keeps to its deadline, however long it may wait to leave', async () => {
    const client = startClient('http://acme.signalwire.test', {
      lookup: () => {},
      timeoutMs: 20,
      connectTimeoutMs: 600_000,
    });

    expect(await client.send(TEXT, { leaveWithinMs: 600_000 })).toMatchObject({ kind: 'not_sent' });
  });

  it('is not sent when connecting takes too long', async () => {
    const client = startClient('http://acme.signalwire.test', { lookup: () => {}, connectTimeoutMs: 20 });

    expect(await client.send(TEXT, {})).toMatchObject({
      kind: 'not_sent',
      detail: expect.stringContaining('no connection in time'),
    });
  });

  it('gives connecting half of its time, unless told otherwise', async () => {
    const client = startClient('http://acme.signalwire.test', { lookup: () => {}, timeoutMs: 4_000 });

    expect(await client.send(TEXT, {})).toMatchObject({ detail: expect.stringContaining('no connection in time') });
  });

  it.each([
    ['the connect timeout', { connectTimeoutMs: 20 }],
    ['the deadline', { timeoutMs: 20, connectTimeoutMs: 10_000 }],
  ])('is not sent when a server accepts but never finishes the TLS handshake before %s', async (_, options) => {
    const { port, connections } = await startTcpServer(() => {});

    expect(await startClient(`https://127.0.0.1:${port}`, options).send(TEXT, {})).toMatchObject({ kind: 'not_sent' });
    await connections.reach(1);
  });

  it('is not sent to a server whose certificate is not trusted, not even when Node is told to trust all', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    const read: string[] = [];
    const offered: string[][] = [];
    const server = createTlsServer(
      {
        key: readFileSync(`${FIXTURE}.key.pem`),
        cert: readFileSync(`${FIXTURE}.cert.pem`),
        ALPNCallback: ({ protocols }) => {
          offered.push(protocols);
          return 'http/1.1';
        },
      },
      (socket) => {
        socket.on('error', () => {});
        socket.on('data', (chunk) => read.push(chunk.toString()));
      },
    );
    server.on('tlsClientError', () => {});

    const outcome = await startClient(`https://127.0.0.1:${await listen(server)}`).send(TEXT, {});

    expect(outcome).toMatchObject({ kind: 'not_sent', detail: expect.stringContaining('self-signed certificate') });
    expect(read).toEqual([]);
    expect(offered).toEqual([['http/1.1']]); // over HTTP/2 it could not be known what was written
  });

  it('is not sent when the server does not speak TLS', async () => {
    const { url } = await startServer(accept);

    expect(await startClient(url.replace('http:', 'https:')).send(TEXT, {})).toMatchObject({ kind: 'not_sent' });
  });

  it('is not sent when it waited too long for a free connection, and is not sent later either', async () => {
    const held: ServerResponse[] = [];
    const server = await startServer((response, count, socket) => {
      if (count === 1) held.push(response);
      else accept(response, count, socket);
    });
    const client = startClient(server.url, { connections: 1 });
    const first = client.send(TEXT, {});
    await server.requests.reach(1);

    const late = await client.send({ ...TEXT, to: '+447700900999' }, { leaveWithinMs: 20 });
    held[0]?.end(ACCEPTED);

    expect(late).toMatchObject({ kind: 'not_sent', detail: expect.stringContaining('timeout') });
    expect(await first).toMatchObject({ kind: 'sent' });
    expect(await client.send({ ...TEXT, to: '+447700900456' }, {})).toMatchObject({ kind: 'sent' });
    expect(server.requests.items.map(({ body }) => JSON.parse(body).to)).toEqual([TO, '+447700900456']);
  });

  it('is not sent when the process was stopped while it connected', async () => {
    const server = await startServer(accept);
    let now = 0;
    const lookup: LookupFunction = (_, options, done) => {
      if (now === 0) now = 2_000; // the connection comes before the timer does
      if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
      else done(null, '127.0.0.1', 4);
    };
    const baseUrl = server.url.replace('127.0.0.1', 'acme.signalwire.test');
    const client = startClient(baseUrl, { lookup, monotonicNow: () => now });

    expect(await client.send(TEXT, { leaveWithinMs: 2_000 })).toMatchObject({ kind: 'not_sent' });
    expect(await client.send({ ...TEXT, to: '+447700900456' }, {})).toMatchObject({ kind: 'sent' });
    expect(server.requests.items.map(({ body }) => JSON.parse(body).to)).toEqual(['+447700900456']);
  });

  it('is not sent when it is canceled before', async () => {
    const { port, connections } = await startTcpServer(() => {});
    const client = startClient(`https://127.0.0.1:${port}`);
    const abort = new AbortController();

    const sending = client.send(TEXT, { signal: abort.signal });
    await connections.reach(1);
    abort.abort();

    expect(await sending).toMatchObject({ kind: 'not_sent', detail: expect.stringContaining('canceled') });
  });

  it('is not sent when it was canceled from the start', async () => {
    const { url, connections } = await startServer(accept);

    expect(await startClient(url).send(TEXT, { signal: AbortSignal.abort() })).toMatchObject({ kind: 'not_sent' });
    expect(connections.items).toEqual([]);
  });
});

describe('a try that may have left', () => {
  it('is unknown when no answer comes in time, and its connection is closed', async () => {
    const { url, requests, closed } = await startServer(never);

    const outcome = await startClient(url, { timeoutMs: SOON_MS }).send(TEXT, {});

    expect(outcome).toEqual({
      kind: 'unknown',
      detail: "SignalWire's answer was lost, so a code may have been sent: timeout",
      httpStatus: null,
    });
    expect(requests.items).toHaveLength(1);
    await closed.reach(1);
  });

  it('has its whole time for the answer, once it has left', async () => {
    const held: ServerResponse[] = [];
    const server = await startServer((response) => held.push(response));
    const { port } = new URL(server.url);
    let opened = 0;
    const lookup: LookupFunction = (_, options, done) => {
      opened += 1;
      if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
      else done(null, '127.0.0.1', 4);
    };
    const client = startClient(`http://acme.signalwire.test:${port}`, { lookup });

    const sending = client.send(TEXT, { leaveWithinMs: SOON_MS });
    await server.requests.reach(1);
    const unreached = startClient('http://acme.signalwire.test', { lookup: () => {}, connectTimeoutMs: 10_000 });
    await unreached.send(TEXT, { leaveWithinMs: SOON_MS }); // ends when the other's time to leave is over
    held[0]?.end(ACCEPTED);

    expect(await sending).toMatchObject({ kind: 'sent' });
    expect(opened).toBe(1);
  });

  it.each([
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
    ['closes', (socket: Socket) => socket.end()],
    ['half answers and resets', (socket: Socket) => socket.write('HTTP/1.1 200', () => socket.resetAndDestroy())],
    [
      'announces an answer and resets',
      (socket: Socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n', () => socket.resetAndDestroy()),
    ],
    ['does not answer in HTTP on', (socket: Socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n')],
    ['answers 100 in the end on', (socket: Socket) => socket.end('HTTP/1.1 100 Continue\r\n\r\n')],
    ['wants to upgrade', (socket: Socket) => socket.end('HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')],
  ])('is unknown, and is not written again, when the server %s the connection', async (_, act) => {
    const { url, requests, connections } = await startServer((_response, _count, socket) => act(socket));

    expect(await startClient(url).send(TEXT, {})).toMatchObject({ kind: 'unknown', httpStatus: null });
    expect(requests.items).toHaveLength(1);
    expect(connections.items).toHaveLength(1);
  });

  it('is unknown when it is canceled after', async () => {
    const { url, requests, closed } = await startServer(never);
    const abort = new AbortController();

    const sending = startClient(url).send(TEXT, { signal: abort.signal });
    await requests.reach(1);
    abort.abort();

    expect(await sending).toMatchObject({ kind: 'unknown', detail: expect.stringContaining('canceled') });
    await closed.reach(1);
  });

  it('is unknown when a 200 is cut off', async () => {
    const { url } = await startServer((response, _, socket) => {
      response.writeHead(200, { 'content-length': '500' }).write(ACCEPTED, () => socket.resetAndDestroy());
    });

    expect(await startClient(url).send(TEXT, {})).toMatchObject({ kind: 'unknown', httpStatus: 200 });
  });

  it('is unknown when the body of a 200 does not end in time', async () => {
    const { url } = await startServer((response) => response.writeHead(200).write(ACCEPTED));

    expect(await startClient(url, { timeoutMs: SOON_MS }).send(TEXT, {})).toMatchObject({
      kind: 'unknown',
      httpStatus: 200,
    });
  });

  it.each([
    [200, 'unknown'],
    [422, 'refused'],
    [503, 'not_sent'],
  ])('stops reading an endless body: with %i it is %s', async (status, kind) => {
    const { url, closed } = await startServer((response) => {
      response.writeHead(status);
      const pour = () => {
        while (response.writable && response.write(Buffer.alloc(16_384, 32)));
      };
      response.on('drain', pour);
      pour();
    });

    expect(await startClient(url).send(TEXT, {})).toMatchObject({ kind, httpStatus: status });
    await closed.reach(1);
  });

  it('reads 64 KB and not a byte more', async () => {
    const padded = (length: number) => ACCEPTED.padEnd(length, ' ');
    const { url } = await startServer((response, count) => response.end(padded(64 * 1024 + (count === 1 ? 0 : 1))));
    const client = startClient(url);

    expect(await client.send(TEXT, {})).toMatchObject({ kind: 'sent' });
    expect(await client.send(TEXT, {})).toMatchObject({ kind: 'unknown', httpStatus: 200 });
  });

  it('is what its status says when the body of an error is cut off', async () => {
    const { url } = await startServer((response, _, socket) => {
      response.writeHead(422, { 'content-length': '500' }).write('{"errors":[', () => socket.resetAndDestroy());
    });

    expect(await startClient(url).send(TEXT, {})).toMatchObject({
      kind: 'refused',
      httpStatus: 422,
      detail: 'SignalWire answered 422',
    });
  });
});

describe('connections', () => {
  it('are kept for the next try', async () => {
    const { url, connections } = await startServer(accept);
    const client = startClient(url, { connections: 1 });

    for (let i = 0; i < 3; i++) expect(await client.send(TEXT, {})).toMatchObject({ kind: 'sent' });

    expect(connections.items).toHaveLength(1);
  });

  it('that the server closed meanwhile cost nothing', async () => {
    const { url, requests, connections, closed } = await startServer(accept);
    const client = startClient(url, { connections: 1 });
    await client.send(TEXT, {});
    connections.items[0]?.end();
    await closed.reach(1); // the client has closed its side too

    expect(await client.send(TEXT, {})).toMatchObject({ kind: 'sent' });
    expect(requests.items).toHaveLength(2);
    expect(connections.items).toHaveLength(2);
  });

  it('that the server resets just before a try cost nothing', async () => {
    const { url, requests, connections } = await startServer(accept);
    const client = startClient(url, { connections: 1 });
    await client.send(TEXT, {});
    connections.items[0]?.resetAndDestroy();

    expect(await client.send(TEXT, {})).toMatchObject({ kind: 'sent' });
    expect(requests.items).toHaveLength(2);
    expect(connections.items).toHaveLength(2);
  });

  it('that the server resets again and again are not made without end', async () => {
    const { port, connections } = await startTcpServer((socket) => socket.resetAndDestroy());

    await startClient(`https://127.0.0.1:${port}`).send(TEXT, {});

    expect(connections.items).toHaveLength(2);
  });

  it('that were kept and are reset under the next try make it unknown, and it is not written again', async () => {
    const { url, requests, connections } = await startServer((response, count, socket) => {
      if (count === 1) accept(response, count, socket);
      else socket.resetAndDestroy();
    });
    const client = startClient(url, { connections: 1 });
    await client.send(TEXT, {});

    expect(await client.send(TEXT, {})).toMatchObject({ kind: 'unknown' });
    expect(requests.items).toHaveLength(2);
    expect(connections.items).toHaveLength(1);
  });

  it('carry one try at a time', async () => {
    const held: ServerResponse[] = [];
    const { url, requests, connections } = await startServer((response) => held.push(response));
    const client = startClient(url);

    const sending = [client.send(TEXT, {}), client.send(TEXT, {})];
    await requests.reach(2);
    for (const response of held) response.end(ACCEPTED);

    expect(await Promise.all(sending)).toMatchObject([{ kind: 'sent' }, { kind: 'sent' }]);
    expect(connections.items).toHaveLength(2);
  });

  it('close when the last try under way has ended; a later one is not sent', async () => {
    const held: ServerResponse[] = [];
    const { url, requests, connections, closed } = await startServer((response) => held.push(response));
    const client = startClient(url);
    const sending = client.send(TEXT, {});
    await requests.reach(1);
    const kept = startClient(url).send(TEXT, {});
    await requests.reach(2);

    const closing = client.close();
    const late = await client.send(TEXT, {});
    for (const response of held) response.end(ACCEPTED);
    await Promise.all([closing, kept]);

    expect(await sending).toMatchObject({ kind: 'sent' });
    expect(late).toMatchObject({ kind: 'not_sent', detail: expect.stringContaining('closed') });
    await closed.reach(1);
    expect(closed.items[0]).toBe(connections.items[0]); // before one closes that is kept until it has been idle
    expect(connections.items).toHaveLength(2);
  });

  it('that are still being made do not hold up the close', async () => {
    const { port, connections } = await startTcpServer(() => {});
    const client = startClient(`https://127.0.0.1:${port}`, { connectTimeoutMs: 600_000 });
    await client.send(TEXT, { leaveWithinMs: 20 });

    await client.close();

    await connections.reach(1);
  });
});

describe('asking about a code', () => {
  const CODE = '918273';
  const ask = (url: string, options: Options = {}, mfaId = ID) =>
    startClient(url, options).verify(mfaId, CODE, { timeoutMs: 10_000 });

  it('is one POST of the token to the id', async () => {
    const { url, requests } = await startServer(answer(200, '{"success":true}'));

    expect(await ask(url)).toEqual({ kind: 'right' });
    expect(requests.items).toHaveLength(1);
    expect(requests.items[0]).toMatchObject({
      method: 'POST',
      url: `/api/relay/rest/mfa/${ID}/verify`,
      headers: { authorization: `Basic ${BASIC}`, 'content-type': 'application/json' },
      body: JSON.stringify({ token: CODE }),
    });
  });

  it('writes the id so that it stays one part of the path', async () => {
    const { url, requests } = await startServer(answer(200, '{"success":true}'));

    await ask(url, {}, 'a/b?c#d');

    expect(requests.items[0]?.url).toBe('/api/relay/rest/mfa/a%2Fb%3Fc%23d/verify');
  });

  it.each([
    [200, '{"success":true}', 'right'],
    [200, '{"success":"true"}', 'right'],
    [201, '{"success":true}', 'right'],
    [200, '{"success":false}', 'wrong'],
    [200, '{"success":"false"}', 'wrong'],
    [200, '{"success":1}', 'lost'],
    [200, '{"success":"TRUE"}', 'lost'],
    [200, '{"success":null}', 'lost'],
    [200, '{}', 'lost'],
    [200, 'true', 'lost'],
    [200, '', 'lost'],
    [200, '{"success":true', 'lost'],
    [204, '', 'lost'],
    [302, '{"success":true}', 'lost'],
    [400, '', 'wrong'],
    [401, '', 'unavailable'],
    [402, '', 'lost'],
    [403, '', 'unavailable'],
    [404, '', 'spent'],
    [405, '', 'lost'],
    [408, '', 'lost'],
    [409, '', 'lost'],
    [415, '', 'lost'],
    [422, '', 'wrong'],
    [429, '', 'unavailable'],
    [500, '{"success":true}', 'lost'],
    [502, '', 'lost'],
    [503, '', 'unavailable'],
    [504, '', 'lost'],
  ])('answered with %i %s means %s', async (status, body, kind) => {
    const { url, requests } = await startServer(answer(status, body));

    expect(await ask(url)).toMatchObject({ kind });
    expect(requests.items).toHaveLength(1);
  });

  it.each([200, 302, 401, 404, 422, 429, 500, 503])('never shows the code that a %i echoes', async (status) => {
    const { url } = await startServer((response) => {
      response.writeHead(status).end(JSON.stringify({ errors: [{ detail: `token ${CODE} of ${ID}`, code: CODE }] }));
    });

    expect(JSON.stringify(await ask(url))).not.toContain(CODE);
  });

  it('says when to ask again', async () => {
    const { url } = await startServer(answer(429, '', { 'retry-after': '7' }));

    expect(await ask(url)).toEqual({ kind: 'unavailable', detail: 'SignalWire answered 429', retryAfterMs: 7_000 });
  });

  it('was not counted when the connection is refused', async () => {
    expect(await ask(`http://127.0.0.1:${await findQuietPort()}`)).toEqual({
      kind: 'unavailable',
      detail: 'SignalWire was not reached: connection refused',
      retryAfterMs: undefined,
    });
  });

  it('has its own deadline: not counted before it left, lost after', async () => {
    const unreached = startClient('http://acme.signalwire.test', { lookup: () => {} });
    expect(await unreached.verify(ID, CODE, { timeoutMs: 20 })).toMatchObject({ kind: 'unavailable' });

    const { url } = await startServer(never);
    const asking = startClient(url).verify(ID, CODE, { timeoutMs: SOON_MS });
    expect(await asking).toEqual({ kind: 'lost', detail: "SignalWire's answer was lost: timeout" });
  });

  it('is lost when the connection is reset after it left', async () => {
    const { url, requests } = await startServer((_, __, socket) => socket.resetAndDestroy());

    expect(await ask(url)).toMatchObject({ kind: 'lost' });
    expect(requests.items).toHaveLength(1);
  });

  it('can be canceled', async () => {
    const { url, requests } = await startServer(never);
    const abort = new AbortController();

    const asking = startClient(url).verify(ID, CODE, { timeoutMs: 60_000, signal: abort.signal });
    await requests.reach(1);
    abort.abort();

    expect(await asking).toMatchObject({ kind: 'lost', detail: expect.stringContaining('canceled') });
  });
});
