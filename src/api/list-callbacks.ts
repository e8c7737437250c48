import type { RequestHandler } from 'express';
import { z } from 'zod';
import { type EndpointId, EventType, isEndpointId } from '../shared/callback-endpoint.ts';
import type { CallbackStore } from '../shared/callback-store.ts';
import { callbackView } from '../shared/callback-view.ts';
import type { CallbackId } from '../shared/ids.ts';
import { ownerOf } from './authenticate.ts';
import { collectPage } from './pages.ts';
import { parseQuery } from './read-json.ts';

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
  return async (request, response) => {
    const { status, endpoint, type, limit = 20, cursor } = parseQuery(ListCallbacks, request.query);
    const owner = ownerOf(response);
    const page = await collectPage<CallbackId, ReturnType<typeof callbackView>>(
      {
        next: (from, count) => callbacks.newestFirst(owner, endpoint as EndpointId | undefined, from, count),
        async read(id) {
          const callback = (await callbacks.read(id))?.callback;
          const fits =
            callback?.owner === owner && (!status || callback.status === status) && (!type || callback.type === type);
          return fits ? callbackView(callback) : undefined;
        },
      },
      limit,
      cursor,
    );
    response.json({ object: 'list', ...page });
  };
}
