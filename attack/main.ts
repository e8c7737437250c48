import { parseArgs } from 'node:util';
import { runAttacks, table } from './run.ts';

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false } } });
const results = await runAttacks(values.short);
process.stdout.write(`${table(results)}\n`);
process.exit(results.every(({ through, control }) => through.length === 0 && control) ? 0 : 1);
