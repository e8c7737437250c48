import type { Request, RequestHandler } from 'express';
import { z } from 'zod';
import type { Callback } from '../shared/callback.ts';
import { type EndpointId, EventType, isEndpointId } from '../shared/callback-endpoint.ts';
import type { CallbackStore } from '../shared/callback-store.ts';
import { callbackView } from '../shared/callback-view.ts';
import { type CallbackId, isCallbackId } from '../shared/ids.ts';
import { ownerOf } from './authenticate.ts';
import { invalidRequest } from './problems.ts';
import { parseQuery } from './read-json.ts';

/** How many callbacks are looked at for one page; with rare filters a page may be short, and its cursor leads on. */
const MAX_LOOKED_AT = 1_000;
const BATCH = 100;

/** The query of `GET /v1/callbacks`. */
export const ListCallbacks = z.strictObject({
  status: z.enum(['pending', 'delivered', 'exhausted', 'refused', 'gone']).optional(),
  endpoint: z.string().refine(isEndpointId, { error: 'must be the id of a callback endpoint' }).optional(),
  type: EventType.optional(),
  limit: z.coerce.number().pipe(z.int().min(1, 'must be 1 to 100').max(100, 'must be 1 to 100')).optional(),
  cursor: z.string().optional(),
});

/** `GET /v1/callbacks`: an owner's callbacks, the newest first. */
export function listCallbacksRoute(callbacks: CallbackStore): RequestHandler {
  return async (request: Request, response) => {
    const { status, endpoint, type, limit = 20, cursor } = parseQuery(ListCallbacks, request.query);
    const owner = ownerOf(response);
    const fits = (c: Callback) => c.owner === owner && (!status || c.status === status) && (!type || c.type === type);
    const data: Callback[] = [];
    let from = cursor === undefined ? undefined : readCursor(cursor);
    let more = true;
    for (let looked = 0; more && data.length < limit && looked < MAX_LOOKED_AT; ) {
      const batch = await callbacks.newestFirst(owner, endpoint as EndpointId | undefined, from, BATCH);
      const read = await Promise.all(batch.map(({ id }) => callbacks.read(id)));
      more = batch.length === BATCH;
      for (const [i, entry] of batch.entries()) {
        const callback = read[i]?.callback;
        from = entry;
        looked += 1;
        if (callback && fits(callback)) data.push(callback);
        if (data.length === limit) {
          more ||= i < batch.length - 1;
          break;
        }
      }
    }
    response.json({
      object: 'list',
      data: data.map(callbackView),
      next_cursor: more && from ? writeCursor(from) : null,
    });
  };
}

function writeCursor({ at, id }: { at: number; id: CallbackId }): string {
  return Buffer.from(`${at}:${id}`).toString('base64url');
}

function readCursor(cursor: string): { at: number; id: CallbackId } {
  const [, at, id = ''] = /^(\d{1,15}):(cb_\w+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (!isCallbackId(id)) {
    throw invalidRequest([{ pointer: '/cursor', code: 'invalid-value', detail: 'pass a "next_cursor" as it came' }]);
  }
  return { at: Number(at), id };
}
