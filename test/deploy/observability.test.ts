import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startService } from '../fixtures.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const FOLDER = 'deploy/observability';
const alerts: { alert: string; expr: string; annotations: { runbook: string; summary: string } }[] = parse(
  read(`${FOLDER}/alerts.yml`),
).groups.flatMap((group: { rules: unknown[] }) => group.rules);
const dashboard: {
  panels: {
    type: string;
    title: string;
    datasource?: { uid: string };
    targets?: { expr: string; legendFormat: string }[];
  }[];
} = JSON.parse(read(`${FOLDER}/grafana/dashboards/ringback.json`));
const targets = dashboard.panels.flatMap((panel) => panel.targets ?? []);
const expressions = [...alerts.map(({ expr }) => expr), ...targets.map(({ expr }) => expr)];

/** What Prometheus adds to every series, and what it makes itself. */
const ADDED = ['instance', 'job', 'process', 'le'];
const PROMETHEUS_OWN = new Map([['up', new Set<string>()]]);
const FUNCTIONS = /^(sum|min|max|rate|increase|abs|absent|histogram_quantile|by|and|or)$/;

/** Each metric that the processes have, with its labels: those of a heading, and those of a series that is there. */
async function knownMetrics(): Promise<Map<string, Set<string>>> {
  const service = await startService({ env: { METRICS_PORT: '0' } });
  const ports = [service.api.metricsPort, service.workers[0]?.metricsPort];
  const texts = await Promise.all(ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()));
  await service.close();
  const known = new Map(PROMETHEUS_OWN);
  for (const [, name = '', type] of texts.join('\n').matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const suffix of suffixes) known.set(name + suffix, new Set(ADDED));
  }
  for (const [, name = '', list = ''] of texts.join('\n').matchAll(/^(\w+)\{(.*)\} /gm)) {
    for (const [, label = ''] of list.matchAll(/(\w+)="/g)) known.get(name)?.add(label);
  }
  // a counter that has counted nothing yet shows no label: they stand where it is made
  for (const [, name = '', list = ''] of read('src/shared/metrics.ts').matchAll(
    /name: '(\w+)',[^}]*?labelNames: \[([^\]]*)\]/g,
  )) {
    for (const metric of [name, `${name}_bucket`, `${name}_count`]) {
      for (const [, label = ''] of list.matchAll(/'(\w+)'/g)) known.get(metric)?.add(label);
    }
  }
  return known;
}

/** The metrics that an expression names, each with the labels that it asks of it. */
function namesIn(expression: string): { metric: string; labels: string[] }[] {
  const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
  const plain = expression.replaceAll(/\bby \([^)]*\)/g, '').replaceAll(/\[\w+\]/g, '');
  return [...plain.matchAll(/\b([a-z_]\w*)\b(?:\{([^}]*)\})?(?=(?:[^"]*"[^"]*")*[^"]*$)/g)]
    .map(([, metric = '', list = '']) => ({
      metric,
      labels: [...grouped, ...[...list.matchAll(/(\w+)\s*(?:=|!)/g)].map(([, label = '']) => label)],
    }))
    .filter(({ metric }) => !FUNCTIONS.test(metric));
}

describe('the alerts and the dashboard', () => {
  it('name metrics and labels that are there', async () => {
    const known = await knownMetrics();

    const named = expressions.flatMap(namesIn);
    const unknown = named.flatMap(({ metric, labels }) => {
      const has = known.get(metric);
      return has === undefined ? [metric] : labels.filter((label) => !has.has(label) && !ADDED.includes(label));
    });

    expect(unknown).toEqual([]);
    expect(named.length).toBeGreaterThan(expressions.length); // the search finds what is there
  });

  it('show all that is measured', () => {
    const measured = [...read('src/shared/metrics.ts').matchAll(/name: '(ringback_\w+)'/g)].map(
      ([, name = '']) => name,
    );

    expect(measured.filter((name) => !expressions.some((expression) => expression.includes(name)))).toEqual([]);
    expect(measured.length).toBeGreaterThan(20);
  });

  it('name only labels in their words that their expressions keep', () => {
    const words = [
      ...targets.map(({ expr, legendFormat }) => [expr, legendFormat.replaceAll('{{', '{{ $labels.')]),
      ...alerts.map(({ expr, annotations }) => [expr, annotations.summary]),
    ] as [string, string][];
    const lost = words.flatMap(([expr, text]) =>
      [...text.matchAll(/\{\{ \$labels\.(\w+)/g)].filter(([, label = '']) => {
        const kept = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(/,\s*/);
        return kept !== undefined && !kept.includes(label);
      }),
    );

    expect(lost).toEqual([]);
  });

  it('lead each to a chapter of the runbook, and the dashboard to the provisioned data', () => {
    const chapters = [...read('docs/operations.md').matchAll(/^#+ (.*)$/gm)].map(
      ([, title = '']) =>
        `docs/operations.md#${title
          .toLowerCase()
          .replaceAll(/[^\w -]/g, '')
          .replaceAll(' ', '-')}`,
    );
    const source = parse(read(`${FOLDER}/grafana/provisioning/datasources/prometheus.yml`)).datasources[0].uid;

    expect(alerts.map(({ annotations }) => annotations.runbook).filter((link) => !chapters.includes(link))).toEqual([]);
    expect(alerts.map(({ alert, annotations }) => annotations.runbook.endsWith(`#${alert.toLowerCase()}`))).toEqual(
      alerts.map(() => true),
    );
    expect(new Set(dashboard.panels.flatMap(({ datasource }) => datasource?.uid ?? []))).toEqual(new Set([source]));
  });

  it('are what Prometheus is told to load', () => {
    const config = parse(read(`${FOLDER}/prometheus.yml`));

    expect(config.rule_files).toEqual(['alerts.yml']);
    expect(config.scrape_configs[0].job_name).toBe('ringback'); // which an alert names
  });
});
