import { Router } from 'express';
import { z } from 'zod';
import type { AuditLog } from '../../shared/audit-log.ts';
import { isPrefix, maskPrefix, type PrefixBlocks } from '../../shared/prefix-blocks.ts';
import { HOUR_MS } from '../../shared/tallies.ts';
import { ProblemError } from '../problems.ts';
import { parseBody } from '../read-json.ts';
import { currentUser, requireRole } from './role.ts';

const MOST_HOURS = 365 * 24;

const Prefix = z
  .string()
  .trim()
  .refine(
    isPrefix,
    'write "+" and the first 1 to 11 digits, such as +4477009; a whole number belongs on the block list',
  );
const BlockBody = z.strictObject({
  prefix: Prefix,
  hours: z.int().min(1, `must be 1 to ${MOST_HOURS}`).max(MOST_HOURS, `must be 1 to ${MOST_HOURS}`),
  reason: z.string().trim().min(1, 'must not be empty').max(200, 'at most 200 characters'),
});
const UnblockBody = z.strictObject({ prefix: Prefix });

interface Deps {
  prefixBlocks: Pick<PrefixBlocks, 'blockPrefix' | 'unblock' | 'list'>;
  audit: Pick<AuditLog, 'record'>;
}

/** The blocked prefixes of numbers: anybody here may look, operators block and free. What leads to no number is not masked. */
export function createBlockRoutes({ prefixBlocks, audit }: Deps): Router {
  const routes = Router();

  routes.get('/', async (_request, response) => {
    const blocks = await prefixBlocks.list();
    response.json({
      object: 'list',
      data: blocks.map(({ prefix, until, reason, actor }) => ({
        prefix,
        until: new Date(until).toISOString(),
        reason,
        actor,
      })),
    });
  });

  routes.post('/', requireRole('operator'), async (request, response) => {
    const { prefix, hours, reason } = parseBody(BlockBody, request.body);
    const actor = currentUser(response).name;
    // before it is done: nothing happens that is not written down
    await audit.record({ actor, action: 'prefix.blocked', subject: maskPrefix(prefix), reason, data: { hours } });
    const { until } = await prefixBlocks.blockPrefix(prefix, hours * HOUR_MS, reason, actor);
    response.status(201).json({ prefix, until: new Date(until).toISOString() });
  });

  routes.post('/free', requireRole('operator'), async (request, response) => {
    const { prefix } = parseBody(UnblockBody, request.body);
    const actor = currentUser(response).name;
    await audit.record({ actor, action: 'prefix.unblocked', subject: maskPrefix(prefix) });
    if (!(await prefixBlocks.unblock(prefix, actor))) throw new ProblemError('not-found', 'this prefix is not blocked');
    response.json({ prefix });
  });

  return routes;
}
