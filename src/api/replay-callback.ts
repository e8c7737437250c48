import type { RequestHandler } from 'express';
import type { Callback } from '../shared/callback.ts';
import type { CallbackStore } from '../shared/callback-store.ts';
import { callbackView } from '../shared/callback-view.ts';
import type { Clock } from '../shared/clock.ts';
import type { Errands } from '../shared/errands.ts';
import { isCallbackId } from '../shared/ids.ts';
import { ownerOf } from './authenticate.ts';
import { ProblemError } from './problems.ts';

export type ReplayCallback = (id: unknown, owner: string) => Promise<Callback>;

interface Deps {
  callbacks: CallbackStore;
  errands: Errands;
  clock: Clock;
}

/**
 * Builds the replay of a callback: the same event id and bytes again, now, whatever became of it before; if that fails,
 * on the whole schedule anew.
 */
export function createReplayCallback({ callbacks, errands, clock }: Deps): ReplayCallback {
  return async function replayCallback(id, owner) {
    for (;;) {
      const stored = typeof id === 'string' && isCallbackId(id) ? await callbacks.read(id) : undefined;
      if (stored?.callback.owner !== owner) throw new ProblemError('not-found', 'there is no such callback');
      const { callback } = stored;
      const after: Callback = {
        ...callback,
        status: 'pending',
        nextAt: clock.now(),
        scheduleFrom: callback.deliveries.length,
      };
      if (!(await callbacks.save(stored, after))) continue; // a delivery ended meanwhile
      await errands.bringForward({ callback: after, body: stored.body });
      return after;
    }
  };
}

/** `POST /v1/callbacks/{id}/replay` */
export function replayCallbackRoute(replay: ReplayCallback): RequestHandler {
  return async (request, response) => {
    response.status(202).json(callbackView(await replay(request.params['id'], ownerOf(response))));
  };
}
