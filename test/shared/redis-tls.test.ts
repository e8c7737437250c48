import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectForRequests, connectForWork } from '../../src/shared/redis.ts';

const FIXTURE = new URL('../fixtures/tls/test-fixture-self-signed', import.meta.url).href;

/** A Redis behind TLS whose certificate nobody vouches for; it notes what it is told. */
async function startServer() {
  const told: string[] = [];
  const server = createServer(
    { cert: readFileSync(new URL(`${FIXTURE}.cert.pem`)), key: readFileSync(new URL(`${FIXTURE}.key.pem`)) },
    (socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => {
        told.push(data.toString());
        socket.write('+OK\r\n');
      });
    },
  );
  server.on('tlsClientError', () => {});
  server.listen(0, 'localhost');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  return { told, url: `rediss://:a-password@localhost:${(server.address() as AddressInfo).port}` };
}

describe('a Redis behind TLS', () => {
  it.each([
    ['requests', (url: string, log: pino.Logger) => connectForRequests(url, log, 1_000)],
    ['work', connectForWork],
  ])(
    'is told nothing, not even the password, when nobody vouches for its certificate: for %s',
    async (_for, connect) => {
      const { told, url } = await startServer();
      let warn = (_line: string) => {};
      const warned = new Promise<string>((resolve) => {
        warn = resolve;
      });
      const redis = connect(url, pino({}, { write: (line: string) => warn(line) }));
      onTestFinished(() => redis.disconnect());

      const line = await warned;

      expect(line).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
      expect(line).not.toContain('a-password');
      expect(redis.status).not.toBe('ready');
      expect(told).toEqual([]);
    },
  );
});
