import type { EpochMs } from '../shared/clock.ts';
import { createAwaitableLog, type WaitOptions } from './awaitable-log.ts';
import type { Channel } from './behaviour.ts';

/** A text or call that reached the phone. */
export interface Message {
  /** The id that a check of its code names. */
  readonly id: string;
  readonly at: EpochMs;
  readonly channel: Channel;
  readonly to: string;
  /** Null: SignalWire's own number. */
  readonly from: string | null;
  readonly code: string;
  /** What the text says, or what is said on the phone. */
  readonly text: string;
}

/** What happens to the inbox. */
export type InboxEvent = { type: 'arrived'; message: Message } | { type: 'cleared' };

const CAPACITY = 1_000;

/** The phone: the last 1000 texts and calls to any number. */
export function createInbox() {
  const log = createAwaitableLog<Message>({ capacity: CAPACITY });
  const listeners = new Set<(event: InboxEvent) => void>();

  function tell(event: InboxEvent): void {
    for (const listener of listeners) listener(event);
  }

  return {
    /** Oldest first. */
    messages: log.items,

    deliver(message: Message) {
      log.add(message);
      tell({ type: 'arrived', message });
    },

    next(to: string | undefined, options?: WaitOptions): Promise<Message> {
      return log.next(`message to ${to ?? 'any number'}`, (message) => to === undefined || message.to === to, options);
    },

    clear() {
      log.clear();
      tell({ type: 'cleared' });
    },

    /** Calls the listener on every event from now on; the function returned ends that. */
    subscribe(listener: (event: InboxEvent) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The inbox of one stand-in. */
export type Inbox = ReturnType<typeof createInbox>;
