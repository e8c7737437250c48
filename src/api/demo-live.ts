import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestHandler, Response } from 'express';
import type { CallbackStore } from '../shared/callback-store.ts';
import { callbackView } from '../shared/callback-view.ts';
import type { AttemptId, VerificationId } from '../shared/ids.ts';
import type { FindJob } from '../shared/partitioned.ts';
import type { QueueName } from '../shared/queues.ts';
import { readServerSentEvents } from '../shared/server-sent-events.ts';
import type { Verification } from '../shared/verification.ts';
import { ownerOf } from './authenticate.ts';
import type { DemoTroubles } from './demo-troubles.ts';
import type { FindVerification } from './find-verification.ts';

/** How often the jobs are looked at. */
const LOOK_MS = 500;
const KEEP_ALIVE_MS = 15_000;

interface Deps {
  find: FindVerification;
  findJob: FindJob;
  callbacks: CallbackStore;
  /** The sandbox, and what is broken in it; undefined: codes go to real phones. */
  sandbox: { url: string; troubles: DemoTroubles } | undefined;
  /** Aborted when the process has to go. */
  closing: AbortSignal;
}

/**
 * Builds `GET /demo/api/verifications/{id}/live`, Server-Sent Events of what a client of the API never sees: `phone`, the
 * texts and calls that reach the sandbox's phone of its number, and `workings`, its jobs, callbacks and what is broken,
 * whenever something about them has changed.
 */
export function demoLiveRoute({ find, findJob, callbacks, sandbox, closing }: Deps): RequestHandler {
  async function workings(v: Verification) {
    const jobs = [
      { queue: 'verifications', id: v.id },
      ...v.attempts.map((attempt) => ({ queue: attempt.channel, id: attempt.id })),
    ] as const;
    const [jobViews, owed, troubles] = await Promise.all([
      Promise.all(jobs.map(({ queue, id }) => jobView(queue, id))),
      callbacks.ofVerification(v.id).then((ids) => Promise.all(ids.map((id) => callbacks.read(id)))),
      sandbox?.troubles.read().catch(() => null), // the sandbox is being started again
    ]);
    return {
      jobs: jobViews,
      callbacks: owed.flatMap((stored) => (stored ? [callbackView(stored.callback)] : [])),
      troubles: troubles ?? null,
    };
  }

  async function jobView(queue: QueueName, id: VerificationId | AttemptId) {
    const job = await findJob(queue, id);
    return { queue, id, state: job ? await job.getState() : 'unknown', runs: job?.attemptsStarted ?? 0 };
  }

  async function tellWorkings(id: unknown, owner: string, send: Send, signal: AbortSignal): Promise<void> {
    let told = '';
    for (;;) {
      const { verification } = await find.find(id, owner);
      const news = JSON.stringify(await workings(verification));
      if (news !== told) send('workings', news);
      told = news;
      await sleep(LOOK_MS, undefined, { signal });
    }
  }

  return async (request, response) => {
    const owner = ownerOf(response);
    const { verification } = await find.find(request.params['id'], owner);
    const gone = new AbortController();
    const signal = AbortSignal.any([gone.signal, closing]);
    response.once('close', () => gone.abort());
    const send = openStream(response);
    const keepAlive = setInterval(() => response.write(':\n\n'), KEEP_ALIVE_MS);
    try {
      await Promise.race([
        tellWorkings(verification.id, owner, send, signal),
        ...(sandbox ? [tellPhone(sandbox.url, verification.to, send, signal)] : []),
      ]);
    } catch {
      // whatever is away, the page connects again in a moment
    } finally {
      gone.abort();
      clearInterval(keepAlive);
      response.end();
    }
  };
}

type Send = (event: string, data: string) => void;

function openStream(response: Response): Send {
  response.status(200).set({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  response.write('retry: 1000\n\n');
  return (event, data) => response.write(`event: ${event}\ndata: ${data}\n\n`);
}

/** Passes on what reaches the phone of one number, beginning with what is there, oldest first. */
async function tellPhone(sandboxUrl: string, to: string, send: Send, signal: AbortSignal): Promise<void> {
  const { body } = await fetch(`${sandboxUrl}/events`, { signal });
  if (body === null) return;
  for await (const { event, data } of readServerSentEvents(body)) {
    const messages = event === 'all' ? (JSON.parse(data) as { to: string }[]).reverse() : [JSON.parse(data)];
    for (const message of messages.filter((one) => one.to === to)) send('phone', JSON.stringify(message));
  }
}
