import type { Request, RequestHandler, Response } from 'express';
import type { CallbackStore } from '../shared/callback-store.ts';
import type { Clock } from '../shared/clock.ts';
import type { StoryFact } from '../shared/story.ts';
import { sentence } from '../shared/story-words.ts';
import { isClosed, type Verification } from '../shared/verification.ts';
import type { VerificationStore } from '../shared/verification-store.ts';
import { ownerOf } from './authenticate.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { FindVerification } from './find-verification.ts';
import { invalidRequest } from './problems.ts';

/** A silent stream is kept open by a comment, so that proxies do not take it for dead. */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = ': still there\n\n';
/** How often the store is asked although nothing was told: a subscription may have died unnoticed. */
const LOOK_AGAIN_MS = 60_000;
/** How long after the close a stream waits for callbacks that are still under way. */
const LINGER_MS = 60_000;
/** A client that takes no bytes is not worth more memory than this. */
const MAX_UNREAD_BYTES = 256 * 1024;

interface Deps {
  find: FindVerification;
  store: Pick<VerificationStore, 'story'>;
  callbacks: CallbackStore;
  changes: ChangeFeed;
  clock: Clock;
}

export type Timeline = ReturnType<typeof createTimeline>;

/** Builds access to the story of a verification, in words. */
export function createTimeline({ find, store, callbacks, changes, clock }: Deps) {
  async function lookAt(id: unknown, owner: string): Promise<Verification> {
    return (await find.look(id, owner)).verification;
  }

  async function entriesOf(v: Verification) {
    const story = await store.story(v.id);
    // what is told of an attempt that `v` has not yet, the next look has words for
    const newer = story.findIndex((fact) => fact.attempt !== undefined && v.attempts[fact.attempt] === undefined);
    return story.slice(0, newer === -1 ? undefined : newer).map((fact, n) => timelineEntry(fact, n, v));
  }

  /** Nothing more is told: it is closed, no try is under way and no delivery is due, or that takes too long. */
  async function isOver(v: Verification): Promise<boolean> {
    if (!isClosed(v)) return false;
    if (clock.now() >= v.closedAt + LINGER_MS) return true;
    if (v.attempts.some((attempt) => attempt.status === 'sending')) return false;
    const owed = await Promise.all((await callbacks.ofVerification(v.id)).map((cb) => callbacks.read(cb)));
    return owed.every((stored) => stored?.callback.status !== 'pending');
  }

  /** Waits for a change or a time, at most a minute, with heartbeats that ask nobody. */
  async function untilNews(feed: ReturnType<ChangeFeed['listen']>, time: number, response: Response): Promise<void> {
    const lookAt = Math.min(time, clock.now() + LOOK_AGAIN_MS);
    while (!(await feed.next(Math.max(1, Math.min(HEARTBEAT_MS, lookAt - clock.now())))) && clock.now() < lookAt) {
      response.write(HEARTBEAT);
    }
  }

  return {
    read: async (id: unknown, owner: string) => entriesOf(await lookAt(id, owner)),

    /**
     * Server-Sent Events: every entry after the given one, then each as it happens. When nothing more can happen the
     * event `end` says so, and a client that connects again gets 204, which tells it to stay away.
     *
     * @param after - place of the last entry that the client knows; -1: none.
     */
    async stream(id: unknown, owner: string, after: number, response: Response): Promise<void> {
      const feed = changes.listen(String(id));
      response.once('close', feed.stop);
      let told = after;
      try {
        for (;;) {
          const verification = await lookAt(id, owner);
          const over = await isOver(verification); // before the entries are read, so that none is left out before the end
          const entries = await entriesOf(verification);
          if (!response.headersSent) {
            if (over && told >= entries.length - 1) {
              response.status(204).end();
              return;
            }
            response.status(200).set({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
            response.write('retry: 1000\n\n');
          }
          const news = entries.slice(told + 1);
          for (const entry of news) {
            response.write(`id: ${entry.id}\nevent: ${entry.type}\ndata: ${JSON.stringify(entry)}\n\n`);
          }
          if (news.length === 0) response.write(HEARTBEAT);
          told += news.length;
          if (over) {
            response.end('event: end\ndata: {}\n\n');
            return;
          }
          // it ends by its expiry, even when no job notices
          await untilNews(feed, isClosed(verification) ? clock.now() + HEARTBEAT_MS : verification.expiresAt, response);
          const unread = response.writableLength > MAX_UNREAD_BYTES;
          if (changes.isClosed() || response.destroyed || unread) {
            response.end(); // the client connects again, here or elsewhere
            return;
          }
        }
      } catch (error) {
        if (!response.headersSent) throw error;
        response.destroy(); // half a stream is no answer; the client connects again and resumes
      } finally {
        feed.close();
      }
    },
  };
}

/** `GET /v1/verifications/{id}/timeline`: as JSON, or live with `Accept: text/event-stream`. */
export function timelineRoute(timeline: Timeline): RequestHandler {
  return async (request, response) => {
    const { id } = request.params;
    response.vary('accept');
    if (request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream') {
      await timeline.stream(id, ownerOf(response), lastKnown(request), response);
      return;
    }
    response.json({ object: 'list', data: await timeline.read(id, ownerOf(response)), next_cursor: null });
  };
}

/** The place of the entry that the client names as its last; -1 when it names none. */
export function lastKnown(request: Request): number {
  const given = request.get('last-event-id') || request.query['after'];
  if (given === undefined || given === '') return -1;
  const place = typeof given === 'string' ? /^tl_(\d{1,6})$/.exec(given)?.[1] : undefined;
  if (place === undefined) {
    const detail = 'Last-Event-ID, or "after" in the query, must be the id of an entry of this timeline, such as tl_3';
    throw invalidRequest([{ pointer: '', code: 'invalid', detail }]);
  }
  return Number(place);
}

/** An entry as the API shows it. @param n - its place, counting from 0. */
function timelineEntry(fact: StoryFact, n: number, v: Verification) {
  const attempt = fact.attempt === undefined ? undefined : v.attempts[fact.attempt];
  return {
    id: `tl_${n}`,
    at: new Date(fact.at).toISOString(),
    type: fact.type,
    text: sentence(fact, v),
    data: {
      ...(attempt && { attempt: attempt.id, step: attempt.step, channel: attempt.channel }),
      ...(fact.trigger !== undefined && { trigger: fact.trigger }),
      ...(fact.tries !== undefined && { tries: fact.tries }),
      ...(fact.waitedMs !== undefined && { waited_ms: fact.waitedMs }),
      ...(fact.ratePerSecond !== undefined && { rate_per_second: fact.ratePerSecond }),
      ...(fact.tookMs !== undefined && { took_ms: fact.tookMs }),
      ...(fact.retryInMs !== undefined && { retry_in_ms: fact.retryInMs }),
      ...(fact.detail !== undefined && { detail: fact.detail }),
      ...(fact.httpStatus !== undefined && { http_status: fact.httpStatus }),
      ...(fact.used !== undefined && { checks_used: fact.used }),
      ...(fact.reason !== undefined && { reason: fact.reason }),
      ...(fact.callback !== undefined && { callback: fact.callback }),
      ...(fact.event !== undefined && { event: fact.event }),
      ...(fact.delivery !== undefined && { delivery: fact.delivery }),
      ...(fact.host !== undefined && { host: fact.host }),
    },
  };
}
