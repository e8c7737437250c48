import { createAuditLog, type Recorded } from '../shared/audit-log.ts';
import { type Command, defineCommand, takeArguments, UsageError } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { toTable, visible } from './output.ts';
import { withServiceRedis } from './with-service-redis.ts';

const MOST = 10_000;

/** `ringback audit`: who did what to the service. */
export const audit: Command = defineCommand({
  name: 'audit',
  args: '',
  summary: 'tells who did what: sign-ins, actions on the queues, API keys',
  details: 'Run it where the service runs: it needs REDIS_URL. The newest entry comes first.',
  options: {
    limit: { type: 'string', value: 'N', help: `how many entries (default: 50, at most ${MOST})` },
    before: { type: 'string', value: 'ID', help: 'only those older than this one' },
  },
  async run({ values, positionals }, { output, env }) {
    takeArguments(positionals);
    const limit = Number(values.limit ?? 50);
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST) throw new UsageError(`--limit is 1 to ${MOST}.`);
    if (values.before !== undefined && !/^\d+-\d+$/.test(values.before)) throw new UsageError('--before is an id.');
    const found = await withServiceRedis(env, ({ redis, keys, clock }) => {
      return createAuditLog({ redis, stream: keys.audit, clock }).list(limit, values.before);
    });
    if (output.json) output.printDocument({ data: found });
    else for (const line of toTable([TITLES, ...found.map(toRow)])) output.print(line);
    return EXIT.ok.code;
  },
});

const TITLES = ['ID', 'AT', 'ACTOR', 'ACTION', 'SUBJECT', 'MORE'];

function toRow({ id, at, actor, action, owner, subject, reason, data }: Recorded): string[] {
  const more = { ...(owner !== undefined && { owner }), ...(reason !== undefined && { reason }), ...data };
  const text = Object.entries(more).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [id, at, actor, action, subject ?? '', text.join(' ')].map(visible);
}
