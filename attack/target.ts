import { type AddressInfo, connect, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { ensureRedis } from '../scripts/ensure-redis.mjs';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import { startProcess } from '../test/service-processes.ts';

export const OWNER_KEY = 'the-key-of-the-owner-of-numbers';
export const STRANGER_KEY = 'the-key-of-somebody-else-entirely';
export const ADMIN = { user: 'operator', password: 'a password that nobody guesses' };

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The body, when it is an object. */
  body: Record<string, unknown>;
}

export type Target = Awaited<ReturnType<typeof startTarget>>;

/** The service as an operator runs it on the internet: all limits enforced, numbers encrypted, no private callbacks. */
export async function startTarget() {
  const server = await ensureRedis({ persist: false, log: () => {} });
  const redis = new Redis(server.url);
  const sandbox = createSandbox({ projectKey: 'p', token: 't' });
  const canary = await startCanary();
  const env = {
    REDIS_URL: server.url,
    SIGNALWIRE_BASE_URL: await sandbox.listen(0),
    SIGNALWIRE_PROJECT_KEY: 'p',
    SIGNALWIRE_TOKEN: 't',
    API_KEYS: `owner:${OWNER_KEY},stranger:${STRANGER_KEY}`,
    ADMIN_USER: ADMIN.user,
    ADMIN_PASSWORD: ADMIN.password,
    CALLBACK_SECRET: `whsec_${Buffer.alloc(32, 3).toString('base64')}`,
    ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 5).toString('base64')}`,
    LIMIT_PREFIX: '20/h',
    SMS_RATE_PER_SECOND: '0',
    CALL_RATE_PER_SECOND: '0',
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'error',
  };
  const [api, worker] = await Promise.all([startProcess('api', env), startProcess('worker', env)]);

  async function call(
    method: string,
    path: string,
    {
      body,
      key = OWNER_KEY,
      headers = {},
    }: { body?: unknown; key?: string | null; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const response = await fetch(api.url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true && text.startsWith('{');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : {} };
  }

  return {
    url: api.url,
    redis,
    sandbox,
    canary,
    call,

    /** A verification whose text is out, and its code. */
    async texted(to: string, key = OWNER_KEY): Promise<{ id: string; code: string }> {
      const { status, body } = await call('POST', '/v1/verifications', { body: { to }, key });
      if (status !== 202) throw new Error(`a submission was refused: ${status} ${JSON.stringify(body)}`);
      const { code } = await sandbox.nextMessage(to);
      const id = String(body['id']);
      await call('GET', `/v1/verifications/${id}`, { key, headers: { prefer: 'wait=5', 'if-none-match': '"1"' } });
      return { id, code };
    },

    /** Codes that SignalWire was asked about. */
    checksAsked: () => sandbox.requests.filter(({ operation }) => operation === 'verify').length,

    /** What comes back for these bytes, until the server closes or falls silent. */
    raw(bytes: string, silentMs = 1_000): Promise<string> {
      const { hostname, port } = new URL(api.url);
      return new Promise((resolve) => {
        const socket = connect(Number(port), hostname);
        let answer = '';
        socket.setTimeout(silentMs, () => socket.destroy());
        socket.on('data', (chunk: Buffer) => {
          answer += chunk.toString();
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve(answer));
        socket.write(bytes);
      });
    },

    /** Whether the processes live, and serve. */
    async isWell(): Promise<boolean> {
      const alive = [api, worker].every(({ child }) => child.exitCode === null && child.signalCode === null);
      return alive && (await call('GET', '/readyz', { key: null })).status === 200;
    },

    async close(): Promise<void> {
      for (const { child } of [api, worker]) child.kill('SIGKILL');
      await Promise.all([api.exited, worker.exited]);
      redis.disconnect();
      await Promise.all([sandbox.close(), canary.close()]);
      await server.stop();
    },
  };
}

/** A server in the private network that nobody from outside may reach. */
async function startCanary() {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
