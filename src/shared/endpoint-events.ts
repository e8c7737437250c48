import { endpointCallback } from './callback.ts';
import { type CallbackEndpoint, wants } from './callback-endpoint.ts';
import type { CallbackStore } from './callback-store.ts';
import type { Clock } from './clock.ts';
import type { EndpointStore } from './endpoint-store.ts';
import type { Errands } from './errands.ts';
import type { RandomHex } from './ids.ts';

interface Deps {
  endpoints: EndpointStore;
  callbacks: CallbackStore;
  errands: Errands;
  clock: Clock;
  random: RandomHex;
}

export type EndpointEvents = ReturnType<typeof createEndpointEvents>;

/** Events that are about endpoints themselves. */
export function createEndpointEvents({ endpoints, callbacks, errands, clock, random }: Deps) {
  async function send(
    type: 'callback_endpoint.disabled' | 'callback_endpoint.test',
    about: CallbackEndpoint,
    targets: readonly CallbackEndpoint[],
  ) {
    const now = clock.now();
    const eventId = `evt_00${random(16)}` as const;
    const made = targets.map((target) => endpointCallback(type, about, target, eventId, now, random));
    await callbacks.record(made, now);
    await Promise.all(made.map(({ callback }) => errands.bringForward(callback)));
    return made.map(({ callback }) => callback);
  }

  return {
    /** Sends a test event to one endpoint, also to one that is disabled. */
    test: async (endpoint: CallbackEndpoint) => (await send('callback_endpoint.test', endpoint, [endpoint]))[0],

    /** Disables an endpoint, once, and tells the owner's others. @returns whether it was still enabled. */
    async disable(endpoint: CallbackEndpoint, reason: 'gone' | 'failing'): Promise<boolean> {
      for (;;) {
        const before = await endpoints.read(endpoint.owner, endpoint.id);
        if (before === undefined || before.disabled !== null) return false;
        const after: CallbackEndpoint = { ...before, disabled: { at: clock.now(), reason } };
        if (!(await endpoints.save(before, after))) continue;
        const set = await endpoints.load(endpoint.owner);
        await send(
          'callback_endpoint.disabled',
          after,
          set.endpoints.filter((e) => wants(e, 'callback_endpoint.disabled')),
        );
        return true;
      }
    },
  };
}
