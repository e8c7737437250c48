import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Received } from '../test/callback-receiver.ts';
import type { Random } from './random.ts';

/** One delivery as it arrived. */
export interface Delivery {
  at: number;
  eventId: string;
  /** The exact bytes. */
  raw: string;
  body: Received['body'];
  /** Whether it was answered with a 2xx: only then is the event delivered. */
  taken: boolean;
}

export type ReceiverMood = 'moody' | 'failing' | 'silent' | 'well';
export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** A client's receiver of callbacks with bad days of its own. */
export async function startReceiver(random: Random) {
  const deliveries: Delivery[] = [];
  const held = new Set<ServerResponse>();
  let mood: ReceiverMood = 'moody';

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // its sender died in the middle of it
    }
    const raw = Buffer.concat(chunks).toString('utf8');
    const delivery: Delivery = {
      at: Date.now(),
      eventId: String(request.headers['webhook-id']),
      raw,
      body: JSON.parse(raw) as Received['body'],
      taken: false,
    };
    deliveries.push(delivery);
    answer(delivery, response);
  });

  function answer(delivery: Delivery, response: ServerResponse): void {
    switch (mood === 'moody' ? drawAnswer() : mood) {
      case 'failing':
        response.writeHead(500).end('chaos');
        return;
      case 'redirect':
        response.writeHead(302, { location: '/elsewhere' }).end();
        return;
      case 'busy':
        response.writeHead(429, { 'retry-after': '1' }).end();
        return;
      case 'cut':
        response.destroy();
        return;
      case 'silent':
        held.add(response);
        return;
      default:
        delivery.taken = true;
        response.writeHead(204).end();
    }
  }

  function drawAnswer() {
    return random.weighted([
      [88, 'well'],
      [6, 'failing'],
      [1, 'redirect'],
      [2, 'busy'],
      [3, 'cut'],
    ] as const);
  }

  async function listen(port: number): Promise<number> {
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  async function stopListening(): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  const port = await listen(0);

  return {
    url: `http://127.0.0.1:${port}/hooks`,
    deliveries: deliveries as readonly Delivery[],

    /** A mood that ends lets go of every delivery that it left without an answer. */
    setMood(next: ReceiverMood): void {
      mood = next;
      for (const response of held) response.destroy();
      held.clear();
    },

    goDown: stopListening,
    async comeBack(): Promise<void> {
      if (!server.listening) await listen(port);
    },

    close: stopListening,
  };
}
