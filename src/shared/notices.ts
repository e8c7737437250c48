import { type Callback, type Notice, noticeCallback } from './callback.ts';
import { type CallbackEndpoint, wants } from './callback-endpoint.ts';
import type { CallbackStore } from './callback-store.ts';
import type { Clock } from './clock.ts';
import type { EndpointStore } from './endpoint-store.ts';
import type { Errands } from './errands.ts';
import type { RandomHex } from './ids.ts';

interface Deps {
  endpoints: Pick<EndpointStore, 'load'>;
  callbacks: Pick<CallbackStore, 'record'>;
  errands: Pick<Errands, 'bringForward'>;
  clock: Clock;
  random: RandomHex;
}

export type Notices = ReturnType<typeof createNotices>;

/** Sends what callbacks tell besides the events of verifications; only registered endpoints get it. */
export function createNotices({ endpoints, callbacks, errands, clock, random }: Deps) {
  async function send(notice: Notice, targets: readonly CallbackEndpoint[]): Promise<Callback[]> {
    const now = clock.now();
    const eventId = `evt_00${random(16)}` as const;
    const made = targets.map((target) => noticeCallback(notice, target, eventId, now, random));
    await callbacks.record(made, now);
    await Promise.all(made.map(errands.bringForward));
    return made.map(({ callback }) => callback);
  }

  return {
    send,

    /** Tells those endpoints of an owner that want to know. */
    async tell(owner: string, notice: Notice): Promise<void> {
      const set = await endpoints.load(owner);
      await send(
        notice,
        set.endpoints.filter((endpoint) => wants(endpoint, notice.type)),
      );
    },
  };
}
