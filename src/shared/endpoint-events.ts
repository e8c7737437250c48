import { type CallbackEndpoint, endpointView } from './callback-endpoint.ts';
import type { Clock } from './clock.ts';
import type { EndpointStore } from './endpoint-store.ts';
import type { Notices } from './notices.ts';

interface Deps {
  endpoints: EndpointStore;
  notices: Notices;
  clock: Clock;
}

export type EndpointEvents = ReturnType<typeof createEndpointEvents>;

/** Events that are about endpoints themselves. */
export function createEndpointEvents({ endpoints, notices, clock }: Deps) {
  const about = (endpoint: CallbackEndpoint) => ({ callback_endpoint: endpointView(endpoint) });

  return {
    /** Sends a test event to one endpoint, also to one that is disabled. */
    async test(endpoint: CallbackEndpoint) {
      const [callback] = await notices.send({ type: 'callback_endpoint.test', data: about(endpoint) }, [endpoint]);
      return callback;
    },

    /** Disables an endpoint, once, and tells the owner's others. @returns whether it was still enabled. */
    async disable(endpoint: CallbackEndpoint, reason: 'gone' | 'failing'): Promise<boolean> {
      for (;;) {
        const before = await endpoints.read(endpoint.owner, endpoint.id);
        if (before === undefined || before.disabled !== null) return false;
        const after: CallbackEndpoint = { ...before, disabled: { at: clock.now(), reason } };
        if (!(await endpoints.save(before, after))) continue;
        await notices.tell(endpoint.owner, { type: 'callback_endpoint.disabled', data: about(after) });
        return true;
      }
    },
  };
}
