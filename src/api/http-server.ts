import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { answerUnreadable } from './answer-unreadable.ts';

/** How long a client may take, in milliseconds, before it is cut off. */
export interface HttpTimeouts {
  /** For all headers, from the connection or the end of the answer before. */
  headersMs: number;
  /** For headers and body. */
  requestMs: number;
  /** Between two requests on a connection. */
  keepAliveMs: number;
  /** Without a byte moving on a connection; longer than `Prefer: wait` and than the pause between two heartbeats. */
  silenceMs: number;
  /** How often the first two are looked at. */
  checkEveryMs: number;
}

export const HTTP_TIMEOUTS: HttpTimeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 5_000,
  silenceMs: 75_000,
  checkEveryMs: 1_000,
};

/** An HTTP server that cuts off who is too slow, and says what is wrong with what it cannot read, as a problem. */
export function createHttpServer(app: RequestListener, timeouts: HttpTimeouts): Server {
  const server = createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      keepAliveTimeout: timeouts.keepAliveMs,
      connectionsCheckingInterval: timeouts.checkEveryMs,
      requireHostHeader: false, // the app answers it as everything else
    },
    app,
  );
  server.timeout = timeouts.silenceMs;
  // Node's own answer to an Expect that it does not know would lack everything that ours have
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  const newest = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (request, response) => newest.set(request.socket, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (isFree(newest.get(socket))) answerUnreadable(error.code, socket);
    else socket.destroy();
  });
  return server;
}

/** Whether the connection's next answer belongs to what could not be read, rather than to the request before it. */
function isFree(newest: ServerResponse | undefined): boolean {
  if (newest === undefined) return true;
  return newest.req.complete ? newest.writableFinished : !newest.headersSent;
}
