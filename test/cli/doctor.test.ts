import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished } from 'vitest';
import { ensureRedis } from '../../scripts/ensure-redis.mjs';
import { judgeRedis, judgeSkew } from '../../src/cli/doctor/check-redis.ts';
import { it } from '../fixtures.ts';
import { findQuietPort } from '../quiet-port.ts';
import { startCluster, startSentinels } from '../redis-nodes.ts';
import { runCli } from './cli-process.ts';

interface Report {
  healthy: boolean;
  checks: { check: string; status: string; detail: string; fix?: string }[];
}

/** The report as JSON, with the exit code that came with it; what it prints must hold no secret of the environment. */
async function examine(env: Record<string, string>) {
  const { code, stdout, stderr } = await runCli(['doctor', '--json'], env);
  for (const secret of secretsOf(env)) expect(stdout + stderr).not.toContain(secret);
  const report: Report = JSON.parse(stdout);
  const find = (check: string) => report.checks.find((finding) => finding.check === check);
  return { code, report, find };
}

function secretsOf({ SIGNALWIRE_TOKEN = '', CALLBACK_SECRET = '', API_KEYS = '' }: Record<string, string>): string[] {
  const keys = API_KEYS.split(',').map((key) => key.split(':')[1] ?? '');
  return [SIGNALWIRE_TOKEN, CALLBACK_SECRET, ...keys].filter((secret) => secret !== '');
}

async function ownRedis(): Promise<{ url: string; redis: Redis }> {
  const server = await ensureRedis({ persist: false });
  const redis = new Redis(server.url);
  onTestFinished(async () => {
    redis.disconnect();
    await server.stop();
  });
  return { url: server.url, redis };
}

describe('ringback doctor', () => {
  it('finds a service that works, and sends nothing to find out', async ({ service }) => {
    const { url, redis } = await ownRedis();
    await redis.config('SET', 'appendonly', 'yes');

    const { code, report } = await examine({ ...service.env, REDIS_URL: url, RINGBACK_URL: service.url });

    expect(report.checks.map(({ check, status }) => `${check}: ${status}`)).toEqual([
      'configuration: ok',
      'redis: ok',
      'redis version: ok',
      'redis eviction: ok',
      'redis persistence: ok',
      'redis memory: ok',
      'clock: ok',
      'signalwire: ok',
      'callback target: ok',
      'api: ok',
      'api key: ok',
    ]);
    expect(report.healthy).toBe(true);
    expect(code).toBe(0);
    expect(service.sandbox.messages()).toEqual([]);
    expect(service.sandbox.requests.map(({ operation }) => operation)).toEqual(['verify', 'verify']);
    expect(service.receiver.received).toEqual([]);
  });

  it('prints a line for each check and the remedy below it, without colours when piped', async ({ service }) => {
    const { code, stdout, stderr } = await runCli(['doctor'], { ...service.env, SIGNALWIRE_TOKEN: 'wrong' });

    expect(stdout).toMatch(/^ok {4}configuration {6}\d+ variables set, all good$/m);
    expect(stdout).toMatch(
      /^fail {2}signalwire {9}127\.0\.0\.1:\d+ answered 401: .*\n {25}Copy SIGNALWIRE_PROJECT_KEY and SIGNALWIRE_TOKEN again\.$/m,
    );
    expect(stdout).toMatch(/^1 to fix, 1 to look at\.$/m);
    expect(stdout + stderr).not.toContain('\x1b');
    expect(code).toBe(1);
  });

  it('names a Redis that would drop verifications', async ({ service }) => {
    const { url, redis } = await ownRedis();
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');

    const { code, find } = await examine({ ...service.env, REDIS_URL: url });

    expect(find('redis eviction')).toEqual({
      check: 'redis eviction',
      status: 'fail',
      detail: expect.stringContaining('allkeys-lru'),
      fix: expect.stringContaining('noeviction'),
    });
    expect(find('redis persistence')).toMatchObject({ status: 'warn', fix: expect.stringContaining('appendonly yes') });
    expect(code).toBe(1);
  });

  it('tells a Redis that wants a password from one that is not there', async ({ service }) => {
    const { url, redis } = await ownRedis();
    await redis.config('SET', 'requirepass', 'a-password');
    const nobody = `redis://:a-password@127.0.0.1:${await findQuietPort()}`;

    const locked = await examine({ ...service.env, REDIS_URL: url });
    const away = await examine({ ...service.env, REDIS_URL: nobody });

    expect(locked.find('redis')).toMatchObject({ status: 'fail', detail: 'not usable: NOAUTH' });
    expect(away.find('redis')).toMatchObject({ status: 'fail', detail: 'not usable: connection refused' });
    expect(JSON.stringify(away.report)).not.toContain('a-password');
  });

  it.for(['sentinel', 'cluster'] as const)(
    'asks the primaries of a %s',
    { timeout: 60_000 },
    async (kind, { service }) => {
      const nodes = await (kind === 'sentinel' ? startSentinels() : startCluster('{ringback:0}'));
      onTestFinished(() => nodes.stop());

      const { report } = await examine({ ...service.env, REDIS_URL: nodes.url });

      const ofRedis = report.checks.filter(({ check }) => check.startsWith('redis') || check === 'clock');
      expect(new Set(ofRedis.map(({ check, status }) => `${check}: ${status}`))).toEqual(
        new Set([
          'redis: ok',
          'redis version: ok',
          'redis eviction: ok',
          'redis persistence: ok',
          'redis memory: ok',
          'clock: ok',
        ]),
      );
    },
  );

  it('does not take a host that answers 404 to everything for SignalWire', async ({ service }) => {
    const server = createServer((_, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;

    const { find } = await examine({ ...service.env, SIGNALWIRE_BASE_URL: `http://127.0.0.1:${port}` });

    expect(find('signalwire')).toMatchObject({ status: 'fail', detail: expect.stringContaining('to any credentials') });
  });

  it.for([
    [403, 'fail', 'Management scope'],
    [402, 'fail', 'in credit'],
    [500, 'warn', 'Try again'],
    [301, 'fail', 'name of the space'],
  ] as const)('explains a SignalWire that answers %i', async ([httpStatus, status, remedy], { service }) => {
    service.sandbox.behave({ operation: 'verify' }, () => ({ status: httpStatus }));

    const { find } = await examine(service.env);

    expect(find('signalwire')).toMatchObject({ status, fix: expect.stringContaining(remedy) });
  });

  it('says what is not reachable', async ({ service }) => {
    const nobody = `http://127.0.0.1:${await findQuietPort()}`;

    const { find } = await examine({
      ...service.env,
      SIGNALWIRE_BASE_URL: nobody,
      CALLBACK_URL: nobody,
      RINGBACK_URL: nobody,
    });

    expect(find('signalwire')).toMatchObject({ status: 'fail', detail: expect.stringContaining('connection refused') });
    expect(find('callback target')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('connection refused'),
    });
    expect(find('api')).toMatchObject({ status: 'fail', detail: 'its /readyz was not reached' });
  });

  it('tells an API that is ready from a key that it does not know', async ({ service }) => {
    const key = 'a-key-that-nobody-knows';

    const { code, find, report } = await examine({ ...service.env, RINGBACK_URL: service.url, RINGBACK_API_KEY: key });

    expect(find('api')).toMatchObject({ status: 'ok' });
    expect(find('api key')).toMatchObject({ status: 'fail', detail: expect.stringContaining('401 unauthorized') });
    expect(JSON.stringify(report)).not.toContain(key);
    expect(code).toBe(1);
  });

  it('refuses a callback target whose name leads to an address that is not allowed', async ({ service }) => {
    const { find } = await examine({
      ...service.env,
      CALLBACK_URL: service.receiver.url.replace('127.0.0.1', 'localhost'),
      CALLBACK_ALLOW_NETWORKS: '10.0.0.0/8',
    });

    expect(find('callback target')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('not allowed'),
      fix: expect.stringContaining('CALLBACK_ALLOW_NETWORKS'),
    });
  });

  it('names every bad variable, and checks what the good ones allow', async ({ service }) => {
    const { code, report, find } = await examine({
      ...service.env,
      SIGNALWIRE_PROJECT_KEY: '',
      API_KEYS: '',
      SEND_TRIES: 'many',
    });

    const named = report.checks
      .filter(({ check }) => check === 'configuration')
      .map(({ detail }) => detail.split(' ')[0]);
    expect(named).toEqual(['SIGNALWIRE_PROJECT_KEY', 'SEND_TRIES', 'API_KEYS']);
    expect(find('redis')).toMatchObject({ status: 'ok' });
    expect(find('signalwire')).toMatchObject({ status: 'skip' });
    expect(find('api')).toMatchObject({ status: 'skip' });
    expect(code).toBe(1);
  });
});

describe('what is said of a Redis', () => {
  const info = (changes: Record<string, string>) =>
    Object.entries({
      redis_version: '7.2.5',
      role: 'master',
      maxmemory_policy: 'noeviction',
      aof_enabled: '1',
      aof_last_write_status: 'ok',
      used_memory: '1000',
      maxmemory: '0',
      ...changes,
    })
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join('');
  const complaints = (changes: Record<string, string>) =>
    judgeRedis(info(changes))
      .filter(({ status }) => status !== 'ok')
      .map(({ check, status }) => `${check}: ${status}`);

  it.for([
    [{}, []],
    [{ redis_version: '6.2.0' }, []],
    [{ redis_version: '6.0.16' }, ['redis version: fail']],
    [{ redis_version: '5.9.9' }, ['redis version: fail']],
    [{ role: 'slave' }, ['redis role: fail']],
    [{ aof_last_write_status: 'err' }, ['redis persistence: fail']],
    [{ maxmemory: '1300' }, []],
    [{ maxmemory: '1200' }, ['redis memory: warn']],
    [{ maxmemory: '1001' }, ['redis memory: fail']],
  ] as const)('%o: %o', ([changes, expected]) => {
    expect(complaints(changes)).toEqual(expected);
  });

  it.for([
    [-900, 'ok', '900 ms behind'],
    [1_500, 'warn', '1.5 s ahead of'],
    [-60_000, 'fail', '60.0 s behind'],
  ] as const)('a clock that is %i ms off', ([skewMs, status, words]) => {
    expect(judgeSkew(skewMs)).toMatchObject({ status, detail: expect.stringContaining(words) });
  });
});
