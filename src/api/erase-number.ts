import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { AuditLog } from '../shared/audit-log.ts';
import { type Erasure, erasureView } from '../shared/erasure.ts';
import type { Erasures } from '../shared/erasures.ts';
import { isErasureId } from '../shared/ids.ts';
import { type E164, hashNumber } from '../shared/phone-number.ts';
import { ownerOf } from './authenticate.ts';
import type { NumberKey } from './number-key.ts';
import { ProblemError } from './problems.ts';
import { parseBody } from './read-json.ts';
import { PhoneNumber } from './schemas.ts';

/** Body of `POST /v1/erasures`. */
export const CreateErasure = z.strictObject({ to: PhoneNumber }).meta({ id: 'CreateErasure' });

interface Deps {
  erasures: Erasures;
  numberKey: NumberKey;
  audit: Pick<AuditLog, 'record'>;
}

/** Verifications erased before the answer; the rest is the reconciler's. */
const ERASED_AT_ONCE = 100;

/** Builds the erasure of a number. */
export function createErasureRoutes({ erasures, numberKey, audit }: Deps) {
  async function find(id: unknown, owner: string): Promise<Erasure> {
    const erasure = typeof id === 'string' && isErasureId(id) ? await erasures.read(id) : undefined;
    if (erasure?.owner !== owner) throw new ProblemError('not-found', 'there is no such erasure');
    return erasure;
  }

  return {
    /** `POST /v1/erasures` */
    create: (async (request, response) => {
      const { to } = parseBody(CreateErasure, request.body);
      const owner = ownerOf(response);
      const id = await erasures.begin(owner, hashNumber(await numberKey(), to as E164));
      await audit.record({ actor: `api-key:${owner}`, action: 'erasure.requested', owner, subject: id });
      await erasures.carryOn(id, ERASED_AT_ONCE).catch(() => {}); // it is recorded: the reconciler goes on
      const erasure = await find(id, owner);
      response.status(202).location(`/v1/erasures/${id}`).json(erasureView(erasure));
    }) satisfies RequestHandler,

    /** `GET /v1/erasures/{id}` */
    get: (async (request, response) => {
      response.json(erasureView(await find(request.params['id'], ownerOf(response))));
    }) satisfies RequestHandler,
  };
}
