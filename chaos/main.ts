import { randomInt } from 'node:crypto';
import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MOST_VERIFICATIONS } from './clients.ts';
import { REDIS_KINDS } from './redis-under-test.ts';
import { faults, isClean, table } from './report.ts';
import { runChaos } from './run.ts';

const USAGE = `npm run chaos -- [--seed <number>] [--verifications <1-${MOST_VERIFICATIONS}>] [--minutes <number>] [--short]
                 [--redis single|sentinel|cluster] [--wait <replicas>] [--partitions <1-256>]

  --seed           replays the load and the faults of an earlier run (default: random)
  --verifications  default 300; 60 with --short
  --minutes        how long faults are injected (default 3; 0.35 with --short)
  --redis          what the verifications are kept in: one server (default), a primary with two replicas and three
                   Sentinels, or a Cluster of three primaries with a replica each
  --partitions     that verifications are spread over (PARTITIONS, default 1)
  --wait           replicas that a write must reach before it is relied on (REDIS_WAIT_REPLICAS, default 0)
  --short          cancels what is open after the faults instead of waiting until it expires
`;

const say = (line: string) => writeSync(1, `${line}\n`);

function readOptions() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(randomInt(1_000_000_000)) },
      verifications: { type: 'string' },
      minutes: { type: 'string' },
      redis: { type: 'string', default: 'single' },
      partitions: { type: 'string', default: '1' },
      wait: { type: 'string', default: '0' },
      short: { type: 'boolean', default: false },
    },
  });
  const { short } = values;
  const redis = REDIS_KINDS.find((kind) => kind === values.redis);
  const seed = Number(values.seed);
  const verifications = Number(values.verifications ?? (short ? 60 : 300));
  const minutes = Number(values.minutes ?? (short ? 0.35 : 3));
  const isGood =
    Number.isSafeInteger(seed) &&
    Number.isSafeInteger(verifications) &&
    verifications >= 1 &&
    verifications <= MOST_VERIFICATIONS &&
    minutes > 0 &&
    redis !== undefined &&
    [1, 2, 4, 8, 16, 32, 64, 128, 256].includes(Number(values.partitions)) &&
    ['0', '1', '2'].includes(values.wait);
  if (!isGood) throw new RangeError('a value is out of range');
  return {
    seed,
    redis,
    partitions: Number(values.partitions),
    waitReplicas: Number(values.wait),
    verifications,
    faultsMs: minutes * 60_000,
    cancelTheRest: short,
  };
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));

let options: ReturnType<typeof readOptions>;
try {
  options = readOptions();
} catch (error) {
  writeSync(2, `${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  process.exit(2);
}

say(`seed ${options.seed}`);
try {
  const result = await runChaos({ ...options, log: say, signal: stop.signal });
  say(`\n${table(result)}`);
  if (!isClean(result)) {
    writeSync(2, `\n${faults(result)}\n\nreplay with --seed ${options.seed}\n`);
    process.exitCode = 1;
  }
} catch (error) {
  writeSync(2, `${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}
// Everything is closed. Left to itself, Node 24 was seen to spin for ever while it frees the handles of killed children.
process.exit();
