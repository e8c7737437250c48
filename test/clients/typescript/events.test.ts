import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it as plainIt } from 'vitest';
import { createRingback, type TimelineEntry } from '../../../clients/typescript/src/index.ts';
import { readEvents } from '../../../clients/typescript/src/read-events.ts';
import { createTransport } from '../../../clients/typescript/src/transport.ts';
import { startHttpServer } from '../../callback-server.ts';
import { API_KEY } from '../../fixtures.ts';
import { startTcpProxy } from '../../tcp-proxy.ts';
import { collect, failureOf, it, texted } from './fixtures.ts';

describe('the events of a verification', () => {
  it('are its story, live to the end', async ({ service, ringback }) => {
    const { id, code } = await texted(service, ringback);
    const told: TimelineEntry[] = [];
    for await (const entry of ringback.events(id)) {
      told.push(entry);
      if (entry.type === 'attempt.sent') await ringback.check(id, code);
    }

    expect(told).toEqual(await ringback.timeline(id));
    expect(told.map((entry) => entry.type)).toContain('verification.approved');
  });

  it('go on where they were when the connection is lost', async ({ service, ringback }) => {
    const { id, code } = await texted(service, ringback);
    const proxy = await startTcpProxy(service.api.port);
    const lossy = createRingback({ url: `http://127.0.0.1:${proxy.port}`, apiKey: API_KEY });
    const told: TimelineEntry[] = [];
    for await (const entry of lossy.events(id)) {
      told.push(entry);
      if (entry.type !== 'attempt.sent') continue;
      await proxy.cut();
      await ringback.check(id, code);
      await proxy.restore();
    }
    await proxy.close();

    expect(told).toEqual(await ringback.timeline(id));
    expect(told.map((entry) => entry.type)).toContain('verification.approved');
  });

  it('begin after the entry that is known', async ({ service, ringback }) => {
    const { id } = await texted(service, ringback);
    await ringback.cancel(id);
    const [first, ...rest] = await collect(ringback.events(id));

    expect(await collect(ringback.events(id, { after: String(first?.id) }))).toEqual(rest);
    expect(await collect(ringback.events(id, { after: String(rest.at(-1)?.id) }))).toEqual([]);
  });

  it('end with the reason of their signal', async ({ service, ringback }) => {
    const { id } = await texted(service, ringback);
    const controller = new AbortController();
    const enough = new Error('enough');
    const reading = async () => {
      for await (const _entry of ringback.events(id, { signal: controller.signal })) controller.abort(enough);
    };

    await expect(reading()).rejects.toBe(enough);
  });

  it('are refused like any other call', async ({ ringback }) => {
    expect((await failureOf(collect(ringback.events('ver_none')))).code).toBe('not-found');
  });
});

const event = (n: number) => `id: tl_${n}\nevent: x.y\ndata: {"id":"tl_${n}"}\n\n`;
const OPEN = { 'content-type': 'text/event-stream' };

/** A service whose streams are served one after another; the last way is for all that follow. */
async function streams(...ways: ((response: ServerResponse) => void)[]) {
  const requests: IncomingMessage[] = [];
  const server = await startHttpServer((request, response) => {
    requests.push(request);
    (ways[requests.length - 1] ?? ways.at(-1))?.(response);
  });
  const url = `http://127.0.0.1:${server.port}`;
  return { url, ringback: createRingback({ url, apiKey: API_KEY, retries: 2 }), requests };
}

const cutAfter = (text: string) => (response: ServerResponse) => {
  response.writeHead(200, OPEN).write(text, () => response.destroy());
};
const endAfter = (text: string) => (response: ServerResponse) => {
  response.writeHead(200, OPEN).end(text);
};

describe('a stream', () => {
  plainIt('is taken up after the last entry, be it cut or ended', async () => {
    const { ringback, requests } = await streams(
      cutAfter(event(0) + event(1)),
      endAfter(`: hello\n\n${event(2)}`),
      endAfter(`${event(3)}event: end\ndata: {}\n\n`),
    );

    expect((await collect(ringback.events('ver_1'))).map(({ id }) => id)).toEqual(['tl_0', 'tl_1', 'tl_2', 'tl_3']);
    expect(requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'tl_1', 'tl_2']);
  });

  plainIt('is over when the service has nothing to add', async () => {
    const { ringback } = await streams(endAfter(event(0)), (response) => response.writeHead(204).end());

    expect(await collect(ringback.events('ver_1'))).toHaveLength(1);
  });

  plainIt('is given up when it ends again and again without a word', async () => {
    const { ringback, requests } = await streams(cutAfter(event(0)), endAfter('retry: 1\n\n'));

    expect((await failureOf(collect(ringback.events('ver_1')))).code).toBe('unreachable');
    expect(requests).toHaveLength(1 + 2);
  });

  plainIt('is closed when nobody reads on', async () => {
    let closed: () => void = () => {};
    const closing = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { ringback } = await streams((response) => {
      response.on('close', closed).writeHead(200, OPEN).write(event(0));
    });
    for await (const entry of ringback.events('ver_1')) {
      expect(entry.id).toBe('tl_0');
      break;
    }

    await closing;
  });

  plainIt('that is silent for too long counts as lost', async () => {
    const { url } = await streams((response) => {
      response.writeHead(200, OPEN).write(event(0));
    });
    const call = { method: 'GET', path: '/', repeatable: true } as const;

    const reading = collect(createTransport({ url, apiKey: API_KEY }).stream(call, 50, undefined));
    expect((await failureOf(reading)).code).toBe('timeout');
  });
});

describe('server-sent events', () => {
  plainIt('are read whatever the pieces they come in', async () => {
    const text = 'retry: 1000\n\nid: 1\nevent: a\ndata: {"x":"•"}\n\n: comment\n\ndata:2\r\n\r\n';
    const bytes = new TextEncoder().encode(text);

    for (const size of [1, 3, bytes.length]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
        bytes.slice(n * size, (n + 1) * size),
      );
      expect(await collect(readEvents(ReadableStream.from(pieces)))).toEqual([
        { id: '1', event: 'a', data: '{"x":"•"}' },
        { id: '', event: '', data: '2' },
      ]);
    }
  });
});
