import { AsyncLocalStorage } from 'node:async_hooks';
import { z } from 'zod';
import { parseTraceparent } from './trace-context.ts';

/**
 * What set work off. It goes along with the work, from the request into the record and the jobs, so that every process
 * can say in its log and its spans what it works for. Records and jobs of older releases have none.
 */
export const Origin = z.object({
  /** `X-Request-Id` of the request. */
  request_id: z.string().optional(),
  /** Where the work stands in its trace, in the form of the header `traceparent`. */
  traceparent: z.string().optional(),
});
export type Origin = z.infer<typeof Origin>;

const current = new AsyncLocalStorage<Origin>();

/** Runs work, and all that it sets off in this process, as set off by `origin`; undefined adds nothing. */
export function setOffBy<T>(origin: Origin | undefined, work: () => T): T {
  return origin === undefined ? work() : current.run({ ...current.getStore(), ...origin }, work);
}

/** What set off the work that is under way; empty when nothing is known of it. */
export function currentOrigin(): Origin {
  return current.getStore() ?? {};
}

/** The same, as it stands in a line of the log; the names are those that log collectors know. */
export function originFields(): { request_id?: string; trace_id?: string } {
  const { request_id, traceparent } = currentOrigin();
  const trace_id = parseTraceparent(traceparent)?.traceId;
  return { ...(request_id !== undefined && { request_id }), ...(trace_id !== undefined && { trace_id }) };
}
