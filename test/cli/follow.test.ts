import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect, UnreachableError } from '../../src/cli/client.ts';
import { readEvents } from '../../src/cli/read-events.ts';

const entry = (n: number) => ({ id: `tl_${n}`, at: '2026-11-23T00:00:00Z', type: 'x.y', text: `entry ${n}`, data: {} });
const event = (n: number) => `id: tl_${n}\nevent: x.y\ndata: ${JSON.stringify(entry(n))}\n\n`;

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** A timeline whose connections are answered one after another; the last answer is for all that follow. */
async function streamOf(...answers: ((response: ServerResponse) => void)[]) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    (answers[requests.length - 1] ?? answers.at(-1))?.(response);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const env = { RINGBACK_URL: `http://127.0.0.1:${port}`, RINGBACK_API_KEY: 'key' };
  const ringback = await connect({ env, apiKeyFile: undefined });
  return { follow: () => collect(ringback.follow('ver_1', {})), requests };
}

const cutAfter = (text: string) => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(text, () => response.destroy());
};
const endAfter = (text: string) => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text);
};

describe('following a timeline', () => {
  it('goes on after the last entry when the connection is lost', async () => {
    const { follow, requests } = await streamOf(
      cutAfter(event(0) + event(1)),
      endAfter(`: hello\n\n${event(2)}event: end\ndata: {}\n\n`),
    );

    expect(await follow()).toEqual([entry(0), entry(1), entry(2)]);
    expect(requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'tl_1']);
  });

  it('ends when there is nothing more to tell', async () => {
    const { follow } = await streamOf(endAfter(event(0)), (response) => response.writeHead(204).end());

    expect(await follow()).toEqual([entry(0)]);
  });

  it('gives up a stream that ends again and again without a word', { timeout: 15_000 }, async () => {
    const { follow, requests } = await streamOf(endAfter(''));

    await expect(follow()).rejects.toThrow(UnreachableError);
    expect(requests).toHaveLength(5);
  });
});

describe('server-sent events', () => {
  it('are read whatever the pieces they come in', async () => {
    const text = 'retry: 1000\n\nid: 1\nevent: a\ndata: {"x":"•"}\n\n: comment\n\ndata:2\r\n\r\n';
    const bytes = new TextEncoder().encode(text);
    const expected = [
      { id: '1', event: 'a', data: '{"x":"•"}' },
      { id: '', event: '', data: '2' },
    ];

    for (const size of [1, 3, bytes.length]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
        bytes.slice(n * size, (n + 1) * size),
      );
      expect(await collect(readEvents(ReadableStream.from(pieces)))).toEqual(expected);
    }
  });
});
