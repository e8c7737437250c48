import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Health } from './health.ts';
import type { Scrape } from './scrape.ts';

interface Deps {
  health: Health;
  scrape: Scrape;
  /** Of what `scrape` answers. */
  contentType: string;
}

export interface OperationsServer {
  port: number;
  close(): Promise<void>;
}

/** Serves `/metrics`, `/livez` and `/readyz` on a port of its own, for the operator's network only. */
export async function startOperationsServer(
  { health, scrape, contentType }: Deps,
  host: string,
  port: number,
): Promise<OperationsServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    const path = request.url?.split('?')[0];
    if (path === '/livez') {
      answer(200, 'application/json', JSON.stringify(health.live()));
    } else if (path === '/readyz') {
      health.ready().then(
        ({ status, body }) => answer(status, 'application/json', JSON.stringify(body)),
        () => answer(503, 'application/json', JSON.stringify({ status: 'unavailable' })),
      );
    } else if (path === '/metrics') {
      scrape().then(
        (text) => answer(200, contentType, text),
        () => answer(500, 'text/plain', 'the metrics could not be collected'),
      );
    } else {
      answer(404, 'text/plain', 'here are /metrics, /livez and /readyz');
    }
  });
  await listen(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Listens, or rejects with what is in the way. */
export function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
