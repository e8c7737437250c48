import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { measureAttempts, measureSandbox, measureWorkers } from './measure/attempts.ts';
import { measureCommands } from './measure/commands.ts';
import { measureEventLoop } from './measure/event-loop.ts';
import { measureFallback } from './measure/fallback.ts';
import { measureLatency } from './measure/latency.ts';
import { measureMemory } from './measure/memory.ts';
import { measureOpen } from './measure/open.ts';
import { measurePartitions } from './measure/partitions.ts';
import { measureSoak } from './measure/soak.ts';
import { measureStarts } from './measure/starts.ts';
import { measureSubmissions } from './measure/submissions.ts';
import { linePlot } from './plot.ts';
import { machine, markdownTable, type Row } from './report.ts';
import { openRoom } from './room.ts';
import { slowReceivers } from './slow-receivers.ts';
import { waitingClients } from './waiting-clients.ts';

const USAGE = `npm run bench -- [--smoke] [--only <name>,…] [--soak <count>] [--write]

  --smoke  a small form of everything, for its correctness only
  --only   some of: ${'starts, submissions, attempts, sandbox, workers, partitions, latency, loop, fallback, memory, commands, open, soak, receivers, waiting'}
  --soak   how many verifications the soak sends through, 50,000 unless told
  --write  writes the table and the plot into docs/performance.md
`;

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    only: { type: 'string' },
    soak: { type: 'string', default: '50000' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const { smoke } = values;
const wanted = values.only?.split(',');

const PLOT = new URL('../docs/images/memory.svg', import.meta.url);
const PAGE = new URL('../docs/performance.md', import.meta.url);
const room = await openRoom();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void room.close().finally(() => process.exit(1)));
}
let plot: string | undefined;

const MEASUREMENTS: Record<string, () => Promise<Row[]>> = {
  starts: async () => [await measureStarts(room, { rounds: smoke ? 1 : 7 })],
  submissions: async () => [await measureSubmissions(room, smoke ? { rounds: 1, ms: 200 } : { rounds: 7, ms: 6_000 })],
  attempts: async () => [await measureAttempts(room, smoke ? { rounds: 1, count: 200 } : { rounds: 7, count: 12_000 })],
  sandbox: async () => [await measureSandbox(room, { ms: smoke ? 200 : 6_000 })],
  workers: async () => [
    await measureWorkers(room, smoke ? { count: 200, workers: [1, 2] } : { count: 12_000, workers: [1, 2, 4] }),
  ],
  partitions: async () => [
    await measurePartitions(
      room,
      smoke ? { count: 100, partitions: [1, 2] } : { count: 12_000, partitions: [1, 2, 4] },
    ),
  ],
  latency: () => measureLatency(room, { count: smoke ? 50 : 2_000 }),
  loop: async () => [await measureEventLoop(room, { ms: smoke ? 500 : 15_000 })],
  fallback: async () => [
    await measureFallback(room, smoke ? { open: 20, timeoutSeconds: 5 } : { open: 10_000, timeoutSeconds: 40 }),
  ],
  memory: () => measureMemory(room, { count: smoke ? 50 : 5_000 }),
  commands: async () => [await measureCommands(room, { count: smoke ? 10 : 200 })],
  open: async () => [
    await measureOpen(
      room,
      smoke ? { few: 10, many: 1_000, rounds: 1, ms: 500 } : { few: 1_000, many: 1_000_000, rounds: 2, ms: 8_000 },
    ),
  ],
  async soak() {
    const soak = await measureSoak(room, { count: smoke ? 100 : Number(values.soak) });
    plot = linePlot('Resident memory during the run', { x: 'thousand verifications', y: 'MB' }, soak.series);
    return soak.rows;
  },
};

const rows: Row[] = [];
try {
  for (const [name, measure] of Object.entries(MEASUREMENTS)) {
    if (wanted && !wanted.includes(name)) continue;
    process.stderr.write(`measuring ${name} …\n`);
    for (const row of await measure()) {
      rows.push(row);
      process.stdout.write(`${row.what}: ${row.figure} (target: ${row.target})\n    ${row.detail}\n`);
    }
  }
} finally {
  await room.close();
}
if (!smoke && (!wanted || wanted.includes('receivers'))) await slowReceivers();
if (!smoke && (!wanted || wanted.includes('waiting'))) await waitingClients();
if (values.write) await writePage();
process.exit(0);

async function writePage(): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  const stamp = `${new Date().toISOString().slice(0, 10)}, ${machine()}.`;
  const table = `<!-- table -->\n\n${stamp}\n\n${markdownTable(rows)}\n\n<!-- /table -->`;
  await writeFile(
    PAGE,
    page.replace(/<!-- table -->[\s\S]*<!-- \/table -->/, () => table),
  );
  if (plot === undefined) return;
  await mkdir(new URL('.', PLOT), { recursive: true });
  await writeFile(PLOT, plot);
}
