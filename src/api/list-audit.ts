import type { RequestHandler } from 'express';
import { z } from 'zod';
import { type DecisionLog, isDecisionId, type RecordedDecision } from '../shared/decision-log.ts';
import { ownerOf } from './authenticate.ts';
import { parseQuery } from './read-json.ts';

/** The query of `GET /v1/audit`. */
export const ListAudit = z.strictObject({
  limit: z.coerce.number().pipe(z.int().min(1, 'must be 1 to 100').max(100, 'must be 1 to 100')).optional(),
  cursor: z.string().refine(isDecisionId, { error: 'pass a "next_cursor" as it came' }).optional(),
});

/** `GET /v1/audit`: what was decided about the requests of an owner, the newest first. */
export function listAuditRoute(decisions: Pick<DecisionLog, 'read'>): RequestHandler {
  return async (request, response) => {
    const { limit = 20, cursor } = parseQuery(ListAudit, request.query);
    const found = await decisions.read({ owner: ownerOf(response), before: cursor, limit });
    const last = found.length === limit ? found.at(-1) : undefined;
    response.json({ object: 'list', data: found.map(decisionView), next_cursor: last?.id ?? null });
  };
}

function decisionView({ id, at, actor, action, subject, reason, data }: RecordedDecision) {
  return {
    id,
    object: 'decision',
    at: new Date(at).toISOString(),
    actor,
    action,
    subject: subject ?? null,
    reason: reason ?? null,
    data: data ?? {},
  };
}
