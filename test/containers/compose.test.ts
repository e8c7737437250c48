import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../../src/sandbox/sandbox.ts';
import type { VerificationView } from '../../src/shared/verification-view.ts';
import { API_KEY, CALLBACK_SECRET, freshNumber } from '../fixtures.ts';
import { findQuietPort } from '../quiet-port.ts';
import { compose, run } from './engine.ts';
import { buildImage, IMAGE } from './image.ts';

const COMPOSE_FILE = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));
const CLIENTS = 6;
const MAX_SENDS = 4;
const POLL = { timeout: 60_000, interval: 250 };

/** The compose file as it is, in a folder of its own with an `.env` as an operator would write it. */
async function createProject() {
  const dir = mkdtempSync(path.join(tmpdir(), 'ringback-compose-'));
  const network = `10.213.${65 + (process.pid % 180)}`;
  const sandboxAddress = `${network}.250`;
  const [port, sandboxPort] = [await findQuietPort(), await findQuietPort()];
  const env = {
    SIGNALWIRE_BASE_URL: `http://${sandboxAddress}:3001`,
    SIGNALWIRE_PROJECT_KEY: 'test-project',
    SIGNALWIRE_TOKEN: 'test-token',
    API_KEYS: `test:${API_KEY}`,
    REDIS_PASSWORD: randomBytes(16).toString('hex'),
    IMAGE,
    PUBLISHED_PORT: port,
    PUBLISHED_SANDBOX_PORT: sandboxPort,
    SUBNET: `${network}.0/24`,
    SANDBOX_ADDRESS: sandboxAddress,
    CALLBACK_URL: `http://${sandboxAddress}:3001/receiver`,
    CALLBACK_SECRET,
    CALLBACK_ALLOW_NETWORKS: `${sandboxAddress}/32`,
    SMS_RATE_PER_SECOND: '0',
    MAX_SENDS,
    COUNTRIES: 'US,CA',
  };
  copyFileSync(COMPOSE_FILE, path.join(dir, 'docker-compose.yml'));
  writeFileSync(
    path.join(dir, '.env'),
    Object.entries(env)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );

  const [program, ...first] = compose ?? ['docker'];
  const name = `ringback-test-${process.pid}`;
  return {
    url: `http://127.0.0.1:${port}`,
    sandboxUrl: `http://127.0.0.1:${sandboxPort}`,
    compose: (...args: string[]) => run(program, [...first, '-p', name, '--profile', 'sandbox', ...args], { cwd: dir }),
    remove: () => rmSync(dir, { recursive: true }),
  };
}

interface Answer<T> {
  status: number;
  body: T;
}

/** A client that asks again until it has been answered, as an application would: the same request with the same key. */
function createClient(url: string) {
  async function ask<T>(method: string, route: string, body?: unknown): Promise<Answer<T>> {
    const key = randomBytes(8).toString('hex');
    for (;;) {
      const answer = await fetch(url + route, {
        method,
        headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json', 'idempotency-key': key },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(10_000),
      })
        .then(async (response) => ({ status: response.status, body: (await response.json()) as T }))
        .catch(() => undefined); // the API is away
      if (answer !== undefined && answer.status !== 503 && answer.status !== 409) return answer;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return ask;
}

describe.runIf(compose)('the compose file', () => {
  let project: Awaited<ReturnType<typeof createProject>>;
  let ask: ReturnType<typeof createClient>;

  const containers = async () => (await project.compose('ps', '--quiet')).split('\n');
  const messages = async (to: string) =>
    ((await (await fetch(`${project.sandboxUrl}/messages`)).json()) as Message[]).filter(
      (message) => message.to === to,
    );
  const read = async (id: string) => (await ask<VerificationView>('GET', `/v1/verifications/${id}`)).body;

  async function submit(): Promise<{ id: string; to: string }> {
    const to = freshNumber();
    const { status, body } = await ask<VerificationView>('POST', '/v1/verifications', { to });
    expect(status, JSON.stringify(body)).toBe(202);
    return { id: body.id, to };
  }

  /** Enters the newest code, once one is there, and sees all callbacks delivered. */
  async function finish({ id, to }: { id: string; to: string }): Promise<void> {
    await expect.poll(async () => (await read(id)).status, POLL).toBe('pending');
    const [newest, ...older] = await messages(to);
    expect(older.length).toBeLessThan(MAX_SENDS);
    const { body } = await ask('POST', `/v1/verifications/${id}/checks`, { code: newest?.code });
    expect(body).toMatchObject({ approved: true, verification: { status: 'approved' } });
    await expect
      .poll(async () => {
        const { data } = (
          await ask<{ data: { type: string; status: string }[] }>('GET', `/v1/verifications/${id}/callbacks`)
        ).body;
        return data.map(({ type, status }) => `${type} ${status}`);
      }, POLL)
      .toEqual(expect.arrayContaining(['verification.attempt.sent delivered', 'verification.approved delivered']));
  }

  beforeAll(async () => {
    await buildImage();
    project = await createProject();
    ask = createClient(project.url);
    await project.compose('up', '--detach', '--no-build');
  });
  afterAll(async () => {
    await project.compose('down', '--volumes', '--timeout', '5');
    project.remove();
  });

  it('brings up Redis, the API, two workers and the sandbox, and all of them healthy', async () => {
    const inspect = async () => JSON.parse(await run('docker', ['inspect', ...(await containers())]));
    const state = (container: { Config: { Labels: Record<string, string> }; State: { Health: { Status: string } } }) =>
      `${container.Config.Labels['com.docker.compose.service']} ${container.State.Health.Status}`;

    await expect
      .poll(async () => (await inspect()).map(state).sort(), POLL)
      .toEqual(['api healthy', 'redis healthy', 'sandbox healthy', 'worker healthy', 'worker healthy']);
    for (const { HostConfig } of await inspect()) {
      expect(HostConfig).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'] });
      expect(HostConfig.SecurityOpt).toContain('no-new-privileges:true');
      for (const [binding] of Object.values<[{ HostIp: string }]>(HostConfig.PortBindings ?? {}))
        expect(binding.HostIp).toBe('127.0.0.1');
    }
  });

  it('has a Redis that keeps what it acknowledged and asks for a password', async () => {
    const redis = (...command: string[]) => project.compose('exec', '-T', 'redis', 'redis-cli', ...command);

    expect(await redis('CONFIG', 'GET', 'appendonly')).toContain('yes');
    expect(await redis('CONFIG', 'GET', 'maxmemory-policy')).toContain('noeviction');
    expect(await project.compose('exec', '-T', '-e', 'REDISCLI_AUTH=', 'redis', 'redis-cli', 'PING')).toContain(
      'NOAUTH',
    );
  });

  it('verifies a number', async () => {
    await finish(await submit());
  });

  it('has the command line, which finds nothing wrong but what the sandbox is', async () => {
    const doctor = await project.compose('exec', '-T', 'api', 'ringback', 'doctor', '--json').catch(String);

    expect(doctor).toContain('redis');
    expect(doctor).not.toMatch(/"fail"/);
  });

  it('is restarted under load without losing a verification', async () => {
    const accepted: { id: string; to: string }[] = [];
    let loaded = true;
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (loaded) accepted.push(await submit());
    });
    const moreCome = () => expect.poll(() => accepted.length, POLL).toBeGreaterThan(accepted.length + 2 * CLIENTS);

    await moreCome();
    const before = accepted.length;
    await project.compose('restart', 'redis', 'api', 'worker');
    await moreCome();
    loaded = false;
    await Promise.all(clients);

    expect(accepted.length).toBeGreaterThan(before);
    for (const verification of accepted) await finish(verification);
  });
});

it.runIf(!compose)('the compose file is not started: no container engine with Compose was found', ({ skip }) => skip());
