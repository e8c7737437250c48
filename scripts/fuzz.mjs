// `npm run fuzz -- --requests 10000 --seed 7`: the fuzz test with more requests, or with others.
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
process.env['FUZZ_REQUESTS'] = values.requests;
process.env['FUZZ_SEED'] = values.seed;
process.argv.splice(2, Number.POSITIVE_INFINITY, 'test/api/fuzz.test.ts');
await import('./test.mjs');
