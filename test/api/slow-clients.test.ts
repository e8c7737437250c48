import { connect, type Socket } from 'node:net';
import { describe, expect, onTestFinished } from 'vitest';
import { API_KEY, it as base, freshNumber, type Service, startService } from '../fixtures.ts';

/** As long as the tests have patience; the order is that of production. */
const TIMEOUTS = { headersMs: 200, requestMs: 600, keepAliveMs: 300, silenceMs: 1_500, checkEveryMs: 50 };

const it = base.extend<{ service: Service }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
  service: async ({}, use) => {
    const service = await startService({ workers: 0, timeouts: TIMEOUTS });
    await use(service);
    await service.close();
  },
});

const HEAD = ['host: x', `authorization: Bearer ${API_KEY}`, 'content-type: application/json'];
const post = (...more: string[]) => `${['POST /v1/verifications HTTP/1.1', ...HEAD, ...more].join('\r\n')}\r\n\r\n`;

/** A client that never ends its side by itself; `closed` gives what it was told once the server has cut it off. */
function openClient(service: Service) {
  const socket = connect({ port: service.api.port, host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  let told = '';
  socket.on('error', () => {}); // a reset is one way to be cut off
  socket.on('data', (part) => {
    told += part.toString();
  });
  const ended = new Promise((resolve) => {
    for (const event of ['end', 'close']) socket.once(event, resolve);
  });
  return { socket, told: () => told, ended: ended.then(() => told) };
}

/** Sends a byte again and again, until nobody takes it. */
function drip(socket: Socket, byte: string): void {
  const timer = setInterval(() => socket.write(byte), 20);
  socket.once('close', () => clearInterval(timer));
}

describe('a client that is too slow', () => {
  it('is cut off when it sends nothing', async ({ service }) => {
    expect(await openClient(service).ended).toContain('"code":"request-timeout"');
  });

  it('is cut off when its headers come in drips and never end', async ({ service }) => {
    const { socket, ended } = openClient(service);
    socket.write('GET /livez HTTP/1.1\r\nhost: x\r\nx-slow: ');
    drip(socket, 'a');

    expect(await ended).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('is cut off when its body comes in drips and never ends, and nothing is stored', async ({ service }) => {
    const { socket, ended } = openClient(service);
    socket.write(`${post('content-length: 10000')}{"to":"${freshNumber()}"`);
    drip(socket, ' ');

    expect(await ended).toMatch(/^HTTP\/1\.1 408 /);
    expect((await service.call('GET', '/v1/verifications')).body['data']).toEqual([]);
  });

  it('is cut off when it announces chunks and never sends the last', async ({ service }) => {
    const { socket, ended } = openClient(service);
    socket.write(`${post('transfer-encoding: chunked')}1\r\n{\r\n`);

    expect(await ended).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('is cut off when it has its answer and keeps sending the body', async ({ service }) => {
    const { socket, ended } = openClient(service);
    socket.write(
      `POST /v1/verifications HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10000\r\n\r\n`,
    );
    drip(socket, ' ');

    expect((await ended).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401']);
  });

  it('is cut off when it asks for nothing more', async ({ service }) => {
    const { socket, ended } = openClient(service);
    socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n');

    expect(await ended).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('is cut off when it never reads its answer', async ({ service }) => {
    const { socket } = openClient(service);
    socket.pause();
    socket.write('GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(200)); // more than the system's buffers hold
    await expect.poll(() => service.api.connections()).toBe(1);

    await expect.poll(() => service.api.connections()).toBe(0);
  });

  it('does not keep its connection by never closing its own side', async ({ service }) => {
    const { socket, ended } = openClient(service);
    socket.write('hello\r\n\r\n');

    expect(await ended).toMatch(/^HTTP\/1\.1 400 /);
    await expect.poll(() => service.api.connections()).toBe(0);
  });

  it('is not who waits for a change', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    const path = `/v1/verifications/${id}`;
    const etag = String((await service.call('GET', path)).headers.get('etag'));

    const answer = await service.call('GET', path, undefined, { prefer: 'wait=1', 'if-none-match': etag });
    expect(answer.status).toBe(304);
  });
});

describe('a request after which something unreadable comes', () => {
  it('never gets the answer to that', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    const { socket, ended } = openClient(service);
    const head = [`GET /v1/verifications/${id} HTTP/1.1`, ...HEAD, 'prefer: wait=10'];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await expect.poll(async () => service.api.waiting()).toBe(1);
    socket.write('hello\r\n\r\n');

    expect(await ended).toBe('');
    await expect.poll(async () => service.api.waiting()).toBe(0);
  });
});
