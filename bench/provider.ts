import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { wallNow } from './clock.ts';

/** A request to send a code, as it came in. */
export interface Arrival {
  at: number;
  to: string;
  channel: 'sms' | 'call';
}

/** SignalWire's MFA API as fast as it can be: it accepts every code at once and finds every check right. */
export async function startProvider() {
  const arrivals: Arrival[] = [];
  let expected = Number.POSITIVE_INFINITY;
  let allCame = () => {};
  const awaited = new Map<string, () => void>();
  const server = createServer((request, response) => {
    const at = wallNow();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.url?.endsWith('/verify')) return void response.end('{"success":true}');
      const { to } = JSON.parse(Buffer.concat(chunks).toString()) as { to: string };
      const channel = request.url?.endsWith('/call') ? 'call' : 'sms';
      response.end(JSON.stringify({ id: randomUUID(), success: true, to, channel }));
      arrivals.push({ at, to, channel });
      if (arrivals.length >= expected) allCame();
      awaited.get(to)?.();
      awaited.delete(to);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals,
    /** Forgets what came, and resolves when so many have come since. */
    async expect(count: number): Promise<Arrival[]> {
      if (arrivals.length < count) {
        expected = count;
        await new Promise<void>((resolve) => {
          allCame = resolve;
        });
        expected = Number.POSITIVE_INFINITY;
      }
      return arrivals.slice(0, count);
    },
    /** Resolves when the next request for a number comes. */
    arrival: (to: string) => new Promise<void>((resolve) => awaited.set(to, resolve)),
    forget(): void {
      arrivals.length = 0;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
