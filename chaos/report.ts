import { BROKEN } from './audit.ts';
import type { RedisKind } from './redis-under-test.ts';
import type { ChaosResult } from './run.ts';

/** Whether everything was as promised. */
export function isClean({ audit, oddAnswers, unexpectedEnds }: ChaosResult): boolean {
  return audit.findings.length === 0 && oddAnswers.length === 0 && unexpectedEnds.length === 0;
}

export const sum = (counts: ReadonlyMap<string, number>) =>
  [...counts.values()].reduce((total, count) => total + count, 0);

const REDIS_WORDS: Record<RedisKind, string> = {
  single: 'one server',
  sentinel: 'a primary with two replicas, three Sentinels',
  cluster: 'a Cluster of three primaries with a replica each',
};

const waits = (replicas: number) => (replicas === 0 ? '' : `, each write waits for ${replicas}`);

/** The figures of a run, as a Markdown table. */
export function table(result: ChaosResult): string {
  const { audit, crashes, outages } = result;
  const isCrash = (kind: string) => !kind.includes('frozen');
  const deaths = new Map([...crashes].filter(([kind]) => isCrash(kind)));
  const freezes = new Map([...crashes].filter(([kind]) => !isCrash(kind)));
  const redisKills = outages.get('redis killed') ?? 0;
  const others = new Map([...outages].filter(([kind]) => kind !== 'redis killed'));
  const rows: [string, string | number][] = [
    ['seed', result.options.seed],
    ['Redis', `${REDIS_WORDS[result.options.redis]}${waits(result.options.waitReplicas)}`],
    ['partitions', result.options.partitions],
    ['took', `${Math.round(result.tookMs / 1000)} s`],
    ['crashes injected (SIGKILL)', `${sum(deaths) + redisKills}: ${list(new Map([...deaths, ['redis', redisKills]]))}`],
    ['freezes injected (SIGSTOP, longer than the lock)', `${sum(freezes)}: ${list(freezes)}`],
    ['other faults', `${sum(others)}: ${list(others)}`],
    ['verifications', `${audit.verifications}: ${list(audit.outcomes)}`],
    ['codes accepted by SignalWire', `${audit.sends}, at most ${audit.mostSends} for one verification`],
    ['attempts with unknown outcome', audit.unknownAttempts],
    ['callbacks', audit.callbacks],
    ['duplicate deliveries', audit.duplicateDeliveries],
    ...BROKEN.map((broken): [string, number] => [
      `**${broken}**`,
      new Set(audit.findings.filter((finding) => finding.broken === broken).map(({ who }) => who)).size,
    ]),
    ['**answers that no fault explains**', result.oddAnswers.length],
    ['**processes that ended by themselves**', result.unexpectedEnds.length],
  ];
  return ['| figure | value |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');
}

/** What is wrong, with all that is known about it; empty when nothing is. */
export function faults(result: ChaosResult): string {
  const lines = [
    ...result.audit.findings.map(({ broken, who, detail }) => `${broken}: ${who}: ${detail}`),
    ...[...result.stories].map(([who, story]) => `\n--- ${who}\n${story}`),
    ...result.oddAnswers.map(
      ({ at, method, route, status, body }) =>
        `unexplained answer: ${new Date(at).toISOString()} ${method} ${route} ${status} ${JSON.stringify(body)}`,
    ),
    ...result.unexpectedEnds.map(({ name, how, output }) => `${name} ended by itself (${how}):\n${output}`),
  ];
  return lines.join('\n');
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', ');
}
