import { ATTACKS, type Outcome } from './attacks.ts';
import { startTarget } from './target.ts';

export interface Result extends Outcome {
  name: string;
}

/** Every attack on one running service, one after the other. */
export async function runAttacks(short: boolean): Promise<Result[]> {
  const target = await startTarget();
  try {
    const results: Result[] = [];
    for (const { name, run } of ATTACKS) {
      const outcome = await run(target, short);
      if (!(await target.isWell())) outcome.through.push('the service is not well afterwards');
      results.push({ name, ...outcome });
    }
    return results;
  } finally {
    await target.close();
  }
}

/** What was tried and what got through, as a Markdown table. */
export function table(results: readonly Result[]): string {
  const rows = results.map(
    ({ name, tried, through, control }) =>
      `| ${name} | ${tried} | ${through.length === 0 ? 'nothing' : through.join('; ')} | ${control ? 'works' : 'FAILS'} |`,
  );
  return ['| attack | tried | got through | done rightly |', '|---|---|---|---|', ...rows].join('\n');
}
