import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { freshNumber, MINUTE, type Service, startService } from '../fixtures.ts';
import { findProgram } from '../programs.ts';

const FOLDER = fileURLToPath(new URL('../../deploy/observability', import.meta.url));
const PROMETHEUS = findProgram('prometheus');
const PROMTOOL = findProgram('promtool');
const run = promisify(execFile);

const read = (file: string) => readFile(path.join(FOLDER, file), 'utf8');
const promtool = (...args: string[]) => run(String(PROMTOOL), args, { cwd: FOLDER });

/** What a service without trouble has no series of, each in the words of the panel. */
const ONLY_IN_TROUBLE = ['{{level}} {{scope}} ({{mode}})', '{{limit}} {{percent}} %'];

interface Panel {
  title: string;
  targets?: { expr: string; legendFormat: string }[];
}

interface Rule {
  name: string;
  health: string;
  lastError?: string;
  state: string;
}

describe.skipIf(PROMETHEUS === undefined || PROMTOOL === undefined)('in a real Prometheus', () => {
  it('the configuration and the rules are valid', async () => {
    await promtool('check', 'config', 'prometheus.yml');
    await promtool('check', 'rules', 'alerts.yml');
  });

  it('each alert fires when it should, and only then', async () => {
    await promtool('test', 'rules', 'alerts.test.yml');

    const alerts: { alert: string }[] = parse(await read('alerts.yml')).groups[0].rules;
    const cases: { alertname: string; exp_alerts: unknown[] }[] = parse(await read('alerts.test.yml')).tests.flatMap(
      ({ alert_rule_test }: { alert_rule_test: unknown }) => alert_rule_test,
    );
    const tested = alerts.map(({ alert }) => ({
      alert,
      fires: cases.some(({ alertname, exp_alerts }) => alertname === alert && exp_alerts.length > 0),
      doesNot: cases.some(({ alertname, exp_alerts }) => alertname === alert && exp_alerts.length === 0),
    }));
    expect(tested).toEqual(alerts.map(({ alert }) => ({ alert, fires: true, doesNot: true })));
  });

  it('the dashboard shows what happens, and no alert fires while all is well', { timeout: 2 * MINUTE }, async () => {
    const service = await startService({ env: { METRICS_PORT: '0' } });
    const ports = [service.api.metricsPort, service.workers[0]?.metricsPort];
    const prometheus = await startPrometheus(ports.map((port) => `127.0.0.1:${port}`));
    const panels: Panel[] = JSON.parse(await read('grafana/dashboards/ringback.json')).panels;
    const targets = panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));

    const alerts: { expr: string }[] = parse(await read('alerts.yml')).groups[0].rules;
    await Promise.all([...targets, ...alerts].map(({ expr }) => prometheus.query(expr))); // each is accepted

    /** A rate is seen between two looks, so people come until there is one. */
    const emptyAfterTraffic = async () => {
      await bringPeople(service);
      const shown = await Promise.all(targets.map(async (t) => ({ ...t, values: await prometheus.query(t.expr) })));
      const empty = shown.filter(({ values }) => !values.some((value) => Number.isFinite(value)));
      return empty.map(({ title, legendFormat }) => ({ title, legendFormat }));
    };
    await expect
      .poll(
        async () => (await emptyAfterTraffic()).filter(({ legendFormat }) => !ONLY_IN_TROUBLE.includes(legendFormat)),
        { timeout: MINUTE, interval: 500 },
      )
      .toEqual([]);

    const rulesNow = async () =>
      (await prometheus.ask<{ groups: { rules: Rule[] }[] }>('rules')).groups[0]?.rules ?? [];
    await expect.poll(async () => (await rulesNow()).map(({ health }) => health)).not.toContain('unknown');
    const rules = await rulesNow();
    expect(rules.map(({ lastError }) => lastError).filter(Boolean)).toEqual([]);
    expect(rules.filter(({ state }) => state === 'firing').map(({ name }) => name)).toEqual([]);
    expect(rules).toHaveLength(alerts.length);
    const { activeTargets } = await prometheus.ask<{ activeTargets: { health: string; lastError: string }[] }>(
      'targets',
    );
    expect(activeTargets.map(({ health, lastError }) => [health, lastError])).toEqual(ports.map(() => ['up', '']));
    await service.close();
  });
});

/** Somebody who types a wrong code and then the right one, somebody who is called in place of a text, and one not served. */
async function bringPeople(service: Service): Promise<void> {
  const to = freshNumber();
  const { id } = await service.submit({ to });
  const { code } = await service.sandbox.nextMessage(to);
  await service.receiver.event('verification.attempt.sent', id);
  await service.check(id, code === '000000' ? '000001' : '000000');
  await service.check(id, code);
  await service.receiver.event('verification.approved', id);
  const landline = freshNumber();
  service.sandbox.behave({ to: landline, channel: 'sms' }, () => ({ status: 422, body: { errors: [] } }));
  const called = await service.submit({ to: landline });
  await service.receiver.event('verification.attempt.sent', called.id);
  await service.submit({ to: '+33612345678' });
}

/** Starts Prometheus with the configuration of this project, except for where the processes are and how often it looks. */
async function startPrometheus(targets: string[]) {
  const { scrape_configs, ...config } = parse(await read('prometheus.yml'));
  const [{ dns_sd_configs: _, ...scrape }] = scrape_configs;
  const folder = await mkdtemp(path.join(tmpdir(), 'ringback-prometheus-'));
  const file = path.join(folder, 'prometheus.json'); // JSON is YAML
  await writeFile(path.join(folder, 'alerts.yml'), await read('alerts.yml'));
  await writeFile(
    file,
    JSON.stringify({
      ...config,
      global: { scrape_interval: '250ms', evaluation_interval: '250ms' },
      scrape_configs: [{ ...scrape, static_configs: [{ targets }] }],
    }),
  );
  const storage = `--storage.tsdb.path=${path.join(folder, 'data')}`;
  const child = spawn(String(PROMETHEUS), [`--config.file=${file}`, storage, '--web.listen-address=127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(async () => {
    const exited = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true });
  });

  let address: string | undefined;
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    address ??= /msg="Listening on" address=(\S+)/.exec(line)?.[1];
    if (address !== undefined && line.includes('Server is ready')) break;
  }
  if (address === undefined) throw new Error(`Prometheus ended: ${said.join('\n')}`);
  child.stderr.resume();

  /** @throws when Prometheus does not accept what it is asked, with what it says about it. */
  async function ask<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`http://${address}/api/v1/${path}?${new URLSearchParams(query)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${JSON.stringify(query)}: ${answer.error}`);
    return answer.data;
  }

  return {
    ask,
    /** The value of each series that an expression has now. */
    async query(expression: string): Promise<number[]> {
      const { result } = await ask<{ result: { value: [number, string] }[] }>('query', { query: expression });
      return result.map(({ value: [, value] }) => Number(value));
    },
  };
}
