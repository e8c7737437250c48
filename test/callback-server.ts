import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type LookupFunction, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

const fixture = (name: string) => readFileSync(new URL(`./fixtures/callback-tls/${name}`, import.meta.url), 'utf8');

/** Certificates for `localhost`, self-signed: one valid until 2124, one that expired with 2023. */
export const TLS = { key: fixture('key.pem'), cert: fixture('cert.pem'), expiredCert: fixture('expired-cert.pem') };

/** A server on 127.0.0.1, on a port of its own until the test ends; it counts the connections that reach it. */
export interface TestServer {
  port: number;
  connections(): number;
}

export function startHttpServer(listener: RequestListener): Promise<TestServer> {
  return listen(createHttpServer(listener));
}

export function startHttpsServer(listener: RequestListener, cert = TLS.cert): Promise<TestServer> {
  return listen(createHttpsServer({ key: TLS.key, cert }, listener));
}

/** A server that does with a connection what no HTTP server would. */
export function startTcpServer(onConnection: (socket: Socket) => void): Promise<TestServer> {
  return listen(createTcpServer(onConnection));
}

/** A DNS whose answers come one after the other, the last one again and again; it counts the questions. */
export function scriptedLookup(...answers: string[][]) {
  let asked = 0;
  const lookup: LookupFunction = (_hostname, _options, done) => {
    const addresses = answers[Math.min(asked++, answers.length - 1)] ?? [];
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { lookup, asked: () => asked };
}

async function listen(server: ReturnType<typeof createTcpServer>): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {}); // a client that goes away is what these tests are about
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}
