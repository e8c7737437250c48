import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createCallbackAgent, createNetworkPolicy } from '../../src/shared/callback-target.ts';
import { createCallbackRequest } from '../../src/worker/callback-request.ts';
import { scriptedLookup, startHttpServer, startHttpsServer, startTcpServer, TLS } from '../callback-server.ts';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const OLD_SECRET = `whsec_${Buffer.alloc(24, 2).toString('base64')}`;
const NOW = Date.UTC(2026, 10, 23, 12, 0, 0, 999);
const EVENT = { eventId: 'evt_1', body: '{ "type": "verification.approved",\n "text": "✓ ü" }' };
/** Longer than a test may take: whoever waits for it fails. */
const NEVER = { answerMs: 120_000, totalMs: 120_000 };

interface Options extends Partial<Parameters<typeof createCallbackRequest>[0]> {
  allow?: string[];
  agentOptions?: Parameters<typeof createCallbackAgent>[1];
}

function createPost({ allow = ['127.0.0.0/8'], agentOptions = {}, ...deps }: Options = {}) {
  const agent = createCallbackAgent(createNetworkPolicy(allow), agentOptions);
  onTestFinished(() => agent.destroy());
  return createCallbackRequest({ agent, clock: { now: () => NOW }, secrets: [SECRET], timeouts: NEVER, ...deps });
}

async function deliverTo(listener: RequestListener, options?: Options) {
  const server = await startHttpServer(listener);
  return createPost(options)({ url: `http://127.0.0.1:${server.port}/hooks`, ...EVENT });
}

async function deliverToTcp(onConnection: (socket: Socket) => void, options?: Options) {
  const server = await startTcpServer(onConnection);
  return createPost(options)({ url: `http://127.0.0.1:${server.port}/hooks`, ...EVENT });
}

const latencyMs = expect.any(Number);

describe('a delivery', () => {
  async function receive(options?: Options) {
    const received: { method?: string; url?: string; headers: IncomingHttpHeaders; raw: string }[] = [];
    const delivery = await deliverTo(async (message, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of message) chunks.push(chunk as Buffer);
      const { method = '', url = '', headers } = message;
      received.push({ method, url, headers, raw: Buffer.concat(chunks).toString() });
      response.writeHead(202).end('thanks');
    }, options);
    expect(delivery).toEqual({ kind: 'delivered', httpStatus: 202, latencyMs });
    expect(received).toHaveLength(1);
    return received[0] as (typeof received)[0];
  }

  it('is one POST of the exact bytes, named and dated', async () => {
    const { method, url, headers, raw } = await receive({ userAgent: 'Ringback/1.2.3' });

    expect([method, url, raw]).toEqual(['POST', '/hooks', EVENT.body]);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(EVENT.body)),
      'user-agent': 'Ringback/1.2.3',
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(Math.floor(NOW / 1000)),
    });
  });

  it('is signed so that a receiver with any of the secrets can verify it', async () => {
    const { headers, raw } = await receive({ secrets: [SECRET, OLD_SECRET], clock: { now: () => Date.now() } });

    for (const secret of [SECRET, OLD_SECRET]) {
      expect(new Webhook(secret).verify(raw, headers as Record<string, string>)).toEqual(JSON.parse(EVENT.body));
    }
  });

  it('is not made without a secret to sign it', async () => {
    const server = await startHttpServer((_, response) => response.end());
    const post = createPost({ secrets: [] });

    expect(await post({ url: `http://127.0.0.1:${server.port}/`, ...EVENT })).toEqual({
      kind: 'failed',
      httpStatus: null,
      detail: 'not sent: without CALLBACK_SECRET it cannot be signed',
      latencyMs,
    });
    expect(server.connections()).toBe(0);
  });

  it('goes over https to a receiver whose certificate is trusted', async () => {
    const server = await startHttpsServer((_, response) => response.writeHead(204).end());
    const post = createPost({ agentOptions: { ...scriptedLookup(['127.0.0.1']), ca: TLS.cert } });

    expect(await post({ url: `https://localhost:${server.port}/hooks`, ...EVENT })).toEqual({
      kind: 'delivered',
      httpStatus: 204,
      latencyMs,
    });
  });

  it('uses the connection of the one before', async () => {
    const server = await startHttpServer((_, response) => response.end('ok'));
    const post = createPost();
    for (const eventId of ['evt_1', 'evt_2', 'evt_3']) {
      await post({ url: `http://127.0.0.1:${server.port}/`, eventId, body: '{}' });
      await nextTurn(); // undici gives a connection back in the turn after its answer
    }

    expect(server.connections()).toBe(1);
  });
});

describe('a target that is not allowed', () => {
  it.each([
    'http://127.0.0.1',
    'https://127.0.0.1',
    'http://[::ffff:7f00:1]',
    'http://client.example',
    'https://client.example',
  ])('is refused for good, unreached: %s', async (origin) => {
    const server = await startTcpServer(() => {});
    const post = createPost({ allow: [], agentOptions: scriptedLookup(['127.0.0.1']) });

    expect(await post({ url: `${origin}:${server.port}/`, ...EVENT })).toEqual({
      kind: 'refused',
      detail: 'the target is not allowed',
      latencyMs,
    });
    expect(server.connections()).toBe(0);
  });

  it.each(['', 'client.example', 'ftp://client.example/', 'file:///etc/passwd'])('is %j as well', async (url) => {
    expect(await createPost()({ url, ...EVENT })).toMatchObject({ kind: 'refused' });
  });

  it('is not reached by a redirect', async () => {
    const behind = await startHttpServer((_, response) => response.end());
    const location = `http://127.0.0.1:${behind.port}/latest/meta-data`;
    for (const status of [301, 302, 303, 307, 308]) {
      expect(await deliverTo((_, response) => response.writeHead(status, { location }).end())).toEqual({
        kind: 'failed',
        httpStatus: status,
        detail: `answered ${status}, and redirects are not followed`,
        latencyMs,
      });
    }
    expect(behind.connections()).toBe(0);
  });
});

describe('an answer outside 2xx', () => {
  it('fails the delivery, and its beginning is kept', async () => {
    const delivery = await deliverTo((_, response) => response.writeHead(500).end('no database'));

    expect(delivery).toEqual({
      kind: 'failed',
      httpStatus: 500,
      detail: 'answered 500',
      latencyMs,
      answer: 'no database',
    });
  });

  it('is kept up to 1 KB, never half a character', async () => {
    const delivery = await deliverTo((_, response) => response.writeHead(400).end('€'.repeat(2000)));

    expect(delivery).toMatchObject({ answer: '€'.repeat(341) }); // 3 bytes each
  });

  it('says with 410 that no more are wanted', async () => {
    const delivery = await deliverTo((_, response) => response.writeHead(410).end('gone'));

    expect(delivery).toEqual({ kind: 'gone', httpStatus: 410, latencyMs });
  });

  it.each([
    ['seconds', '120', 120_000],
    ['an HTTP date', new Date(NOW + 90_001).toUTCString(), 90_001],
    ['more than an hour', '86400', 3_600_000],
    ['a date far away', 'Fri, 31 Dec 2027 23:59:59 GMT', 3_600_000],
    ['a date that is over', 'Fri, 31 Dec 1999 23:59:59 GMT', 0],
  ])('may ask for a pause: %s', async (_, value, retryAfterMs) => {
    const delivery = await deliverTo((_message, response) => response.writeHead(503, { 'retry-after': value }).end());

    expect(delivery).toMatchObject({ kind: 'failed', httpStatus: 503, retryAfterMs });
  });

  it('asks for no pause without a Retry-After that can be read', async () => {
    const delivery = await deliverTo((_, response) => response.writeHead(503, { 'retry-after': 'soon' }).end());

    expect(delivery).not.toHaveProperty('retryAfterMs');
  });
});

describe('an answer without measure', () => {
  /** Writes until the other side closes the connection. */
  function endless(status: number) {
    const cut = Promise.withResolvers<void>();
    const listener: RequestListener = (_, response) => {
      const chunk = Buffer.alloc(16 * 1024, 'x');
      const write = () => {
        while (response.writable && response.write(chunk));
      };
      response.writeHead(status).on('drain', write).on('close', cut.resolve);
      write();
    };
    return { listener, cut: cut.promise };
  }

  it.each([200, 410])('does not hold up the delivery when it is endless (%i), and is cut', async (status) => {
    const { listener, cut } = endless(status);

    expect(await deliverTo(listener)).toMatchObject({ httpStatus: status });
    await cut;
  });

  it('is cut when the delivery has failed and it is endless', async () => {
    const { listener, cut } = endless(500);

    expect(await deliverTo(listener)).toMatchObject({ kind: 'failed', httpStatus: 500, answer: 'x'.repeat(1024) });
    await cut;
  });

  it.each([
    [200, 'delivered'],
    [503, 'failed'],
  ])('is not waited for when it is 10 MB long (%i)', async (status, kind) => {
    const cut = Promise.withResolvers<void>();
    const delivery = await deliverTo((_, response) => {
      response.writeHead(status, { 'content-length': 10 * 1024 * 1024 }).on('close', cut.resolve);
      response.write(Buffer.alloc(128 * 1024, 'x')); // and the rest never comes
    });

    expect(delivery).toMatchObject({ kind, httpStatus: status });
    await cut.promise;
  });

  it.each([
    ['of 64 KB is read to its end, so that the connection can be used again', 64, 1],
    ['of a megabyte costs the connection', 1024, 2],
  ])('%s', async (_, kilobytes, connections) => {
    const server = await startHttpServer((_message, response) => {
      response.writeHead(500).end(Buffer.alloc(kilobytes * 1024, 'x'));
    });
    const post = createPost();
    await post({ url: `http://127.0.0.1:${server.port}/`, ...EVENT });
    await nextTurn();
    await post({ url: `http://127.0.0.1:${server.port}/`, ...EVENT });

    expect(server.connections()).toBe(connections);
  });
});

describe('an answer that takes its time', () => {
  /** Sends a byte now and then, which must not win any time. */
  function drip(socket: Pick<Socket, 'write' | 'on'>, byte: string): void {
    const timer = setInterval(() => socket.write(byte), 2);
    socket.on('close', () => clearInterval(timer));
  }

  it('is given up when it does not start', async () => {
    expect(await deliverTo(() => {}, { timeouts: { ...NEVER, answerMs: 50 } })).toEqual({
      kind: 'failed',
      httpStatus: null,
      detail: 'no answer within 0.05 s',
      latencyMs,
    });
  });

  it('is given up when its headers drip', async () => {
    const delivery = await deliverToTcp(
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
        drip(socket, '.');
      },
      { timeouts: { ...NEVER, answerMs: 50 } },
    );

    expect(delivery).toEqual({ kind: 'failed', httpStatus: null, detail: 'no answer within 0.05 s', latencyMs });
  });

  it('is cut when its body drips, and what came of it is kept', async () => {
    const delivery = await deliverTo(
      (_, response) => {
        response.writeHead(503).write('wait');
        drip(response as unknown as Socket, '.');
      },
      { timeouts: { ...NEVER, totalMs: 1_000 } },
    );

    expect(delivery).toEqual({
      kind: 'failed',
      httpStatus: 503,
      detail: 'answered 503',
      latencyMs,
      answer: expect.stringMatching(/^wait\.*$/),
    });
  });

  /** Answers one delivery, so that undici's own timers run, and stops the time for the next one. */
  async function stopTime(listener: RequestListener) {
    let count = 0;
    const server = await startHttpServer((message, response) => {
      count += 1;
      if (count === 1) response.writeHead(204).end();
      else listener(message, response);
    });
    const target = { url: `http://127.0.0.1:${server.port}/`, ...EVENT };
    const agent = createCallbackAgent(createNetworkPolicy(['127.0.0.0/8']));
    const post = createCallbackRequest({ agent, clock: { now: () => NOW }, secrets: [SECRET] });
    await post(target);
    await nextTurn();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
      return agent.destroy();
    });
    return () => post(target);
  }

  it('has 15 s to start, unless told otherwise', async () => {
    const arrived = Promise.withResolvers<void>();
    const post = await stopTime(() => arrived.resolve());

    const delivery = post();
    await arrived.promise;
    vi.advanceTimersByTime(15_000);

    expect(await delivery).toMatchObject({ kind: 'failed', detail: 'no answer within 15 s' });
  });

  it('is a delivery as soon as its status is 2xx, and is cut 20 s after the start, unless told otherwise', async () => {
    const cut = vi.fn();
    const closed = Promise.withResolvers<void>();
    const post = await stopTime((_, response) => {
      response.writeHead(200).on('close', cut).on('close', closed.resolve).write('.');
    });

    expect(await post()).toEqual({ kind: 'delivered', httpStatus: 200, latencyMs });
    vi.advanceTimersByTime(19_999);
    await post(); // by when the server would know
    expect(cut).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    await closed.promise;
  });
});

describe('no answer', () => {
  it('comes of a port where nobody listens', async () => {
    expect(await createPost()({ url: 'http://127.0.0.1:1/', ...EVENT })).toEqual({
      kind: 'failed',
      httpStatus: null,
      detail: 'connection refused',
      latencyMs,
    });
  });

  it.each<[string, string, (socket: Socket) => void]>([
    ['the receiver hangs up', 'connection lost before an answer', (socket) => socket.end()],
    ['the connection is reset', 'connection lost before an answer', (socket) => socket.resetAndDestroy()],
    [
      'it breaks off in its headers',
      'connection lost before an answer',
      (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nx-')),
    ],
    ['it is not HTTP', 'the answer is not HTTP', (socket) => socket.write('220 mail.example ESMTP\r\n')],
    [
      'its headers never end',
      'the headers of the answer are too long',
      (socket) => socket.write(`HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(64 * 1024)}`),
    ],
  ])('when %s: %s', async (_, detail, onConnection) => {
    expect(await deliverToTcp(onConnection)).toEqual({ kind: 'failed', httpStatus: null, detail, latencyMs });
  });

  it('keeps the status when the body breaks off', async () => {
    const delivery = await deliverToTcp((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nbroken'));
    });

    expect(delivery).toMatchObject({ kind: 'failed', httpStatus: 500, answer: 'broken' });
  });

  it('delivers all the same when the body of a 2xx breaks off', async () => {
    const delivery = await deliverToTcp((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbroken'));
    });

    expect(delivery).toMatchObject({ kind: 'delivered', httpStatus: 200 });
  });

  it.each([
    ['ENOTFOUND', 'host name not found'],
    ['EAI_AGAIN', 'host name lookup failed'],
    ['EWHATEVER', 'delivery failed (EWHATEVER)'],
  ])('is told in words, without the address: %s', async (code, detail) => {
    const lookup = scriptedLookup().lookup;
    const failing: typeof lookup = (_hostname, _options, done) =>
      done(Object.assign(new Error('10.0.0.1'), { code }), []);
    const post = createPost({ agentOptions: { lookup: failing } });

    expect(await post({ url: 'https://client.example/', ...EVENT })).toEqual({
      kind: 'failed',
      httpStatus: null,
      detail,
      latencyMs,
    });
  });

  it.each([
    ['a certificate nobody vouches for', 'TLS: self-signed certificate', 'localhost', TLS.cert, undefined],
    ['an expired certificate', 'TLS: certificate has expired', 'localhost', TLS.expiredCert, TLS.expiredCert],
    ["another host's certificate", 'TLS: certificate is for another name', 'client.example', TLS.cert, TLS.cert],
  ])('comes of %s: %s', async (_, detail, host, cert, ca) => {
    const server = await startHttpsServer((_message, response) => response.end(), cert);
    const post = createPost({ agentOptions: { ...scriptedLookup(['127.0.0.1']), ...(ca !== undefined && { ca }) } });

    expect(await post({ url: `https://${host}:${server.port}/`, ...EVENT })).toEqual({
      kind: 'failed',
      httpStatus: null,
      detail,
      latencyMs,
    });
  });

  it('comes of https to a port that speaks http', async () => {
    const server = await startHttpServer((_, response) => response.end());
    const post = createPost({ agentOptions: scriptedLookup(['127.0.0.1']) });

    expect(await post({ url: `https://localhost:${server.port}/`, ...EVENT })).toMatchObject({
      detail: 'TLS: the port does not speak TLS',
    });
  });

  it('comes of a connection that is never made', async () => {
    const post = createPost({ agentOptions: { lookup: () => {}, connectTimeoutMs: 20 } });

    expect(await post({ url: 'https://client.example/', ...EVENT })).toMatchObject({ detail: 'no connection in time' });
  });
});
