import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import express, { type Request, type Response, Router } from 'express';
import type { Clock, EpochMs } from '../shared/clock.ts';
import type { IsAuthorized } from './authorization.ts';
import {
  type Channel,
  type Operation,
  type Outcome,
  type Plan,
  planFor,
  type Reply,
  type Subject,
} from './behaviour.ts';
import { invalidAttributes, PLAIN_ERRORS } from './errors.ts';
import type { Inbox } from './inbox.ts';
import { parseSend, parseVerify, type SendRequest, textOf } from './mfa-request.ts';
import type { MfaStore } from './mfa-store.ts';

/** A request that reached the stand-in, and what became of it; the last four fields are filled in as it is handled. */
export interface SandboxRequest {
  readonly at: EpochMs;
  readonly operation: Operation;
  /** As it was sent; for a check, the number its code went to. Undefined when there is none. */
  readonly to: string | undefined;
  readonly body: unknown;
  /** Without `authorization`. */
  readonly headers: Omit<IncomingHttpHeaders, 'authorization'>;
  /** Whether a code was made; for a check, whether the code was right. */
  accepted: boolean;
  /** The code that was made. */
  code: string | undefined;
  /** The id of that code; for a check, the id it named. */
  id: string | undefined;
  /** The status answered; undefined while there is none. */
  status: number | undefined;
}

interface Deps {
  isAuthorized: IsAuthorized;
  clock: Clock;
  store: MfaStore;
  inbox: Inbox;
  /** Of an accepted request and of a check. */
  successStatus: 200 | 201;
  delay: (ms: number) => Promise<unknown>;
  onRequest: (request: SandboxRequest) => void;
  onAccepted: (to: string) => void;
  decide: (subject: Subject, request: SandboxRequest) => Outcome | Promise<Outcome>;
}

/** What a request does when it is carried out, and what the answer says when it is not. */
interface Deed {
  carryOut: (arrives: boolean) => Answer;
  denied: object;
}

interface Answer {
  status: number;
  headers?: Record<string, string> | undefined;
  body?: unknown;
  raw?: string | undefined;
}

const BODY_LIMIT = '64kb';
const readJson = express.json({ limit: BODY_LIMIT, strict: false });
const readForm = express.urlencoded({ limit: BODY_LIMIT, extended: false });

/**
 * The three MFA operations under `/api/relay/rest/mfa`, as SignalWire documents them.
 *
 * @see https://signalwire.com/docs/apis/relay-rest/mfa
 */
export function createMfaApi(deps: Deps): Router {
  const { isAuthorized, clock, store, inbox, successStatus } = deps;

  function handle(operation: Operation, request: Request, response: Response, unreadable: boolean): void {
    const entry = openEntry(operation, request);
    deps.onRequest(entry);
    const judged = unreadable || !isAuthorized(request) ? refuse(request) : judge(operation, request, entry);
    if ('status' in judged) {
      write(entry, response, judged);
      return;
    }
    const channel = operation === 'verify' ? store.find(entry.id ?? '')?.channel : operation;
    const outcome = deps.decide({ operation, channel, to: entry.to }, entry);
    const perform = (decided: Outcome) => finish(planFor(decided), judged, entry, response);
    if (outcome instanceof Promise) outcome.then(perform).catch((error: Error) => response.destroy(error));
    else perform(outcome); // in the same turn, so that whoever awaits the request finds it complete
  }

  function refuse(request: Request): Answer {
    const status = isAuthorized(request) ? 400 : 401;
    return { status, body: PLAIN_ERRORS[status] };
  }

  function judge(operation: Operation, request: Request, entry: SandboxRequest): Answer | Deed {
    if (operation === 'verify') {
      const parsed = parseVerify(entry.body);
      return parsed.ok ? checkDeed(entry, parsed.value.token) : invalid(parsed.details);
    }
    const isForm = Boolean(request.is('application/x-www-form-urlencoded'));
    const parsed = parseSend(operation, entry.body, isForm);
    return parsed.ok ? sendDeed(operation, entry, parsed.value) : invalid(parsed.details);
  }

  function openEntry(operation: Operation, request: Request): SandboxRequest {
    const { authorization: _, ...headers } = request.headers;
    const body: unknown = request.body;
    const pathId = request.params['id'];
    const id = typeof pathId === 'string' ? pathId : undefined;
    const to = operation === 'verify' ? store.find(id ?? '')?.to : numberIn(body);
    const state = { accepted: false, code: undefined, id, status: undefined };
    return { at: clock.now(), operation, to, body, headers, ...state };
  }

  function sendDeed(channel: Channel, entry: SandboxRequest, wanted: SendRequest): Deed {
    const { to, from = null } = wanted;
    return {
      carryOut: (arrives) => {
        const { id, code } = store.create(channel, wanted);
        Object.assign(entry, { accepted: true, code, id });
        deps.onAccepted(to);
        const text = textOf(wanted.message, code);
        if (arrives) inbox.deliver({ id, at: clock.now(), channel, to, from, code, text });
        return { status: successStatus, body: { id, success: true, to, channel } };
      },
      denied: { id: randomUUID(), success: false, to, channel },
    };
  }

  function checkDeed(entry: SandboxRequest, token: string): Deed {
    return {
      carryOut: () => {
        const result = store.verify(entry.id ?? '', token);
        if (result === 'gone') return { status: 404, body: PLAIN_ERRORS[404] };
        entry.accepted = result === 'right';
        return { status: successStatus, body: { success: entry.accepted } };
      },
      denied: { success: false },
    };
  }

  function finish(plan: Plan, deed: Deed, entry: SandboxRequest, response: Response): void {
    const done = plan.accept ? deed.carryOut(plan.arrives) : { status: successStatus, body: deed.denied };
    const answer = withReply(plan.flaw === 'without-id' ? withoutId(done) : done, plan.reply);
    if (plan.ending === 'hang') return;
    if (plan.ending === 'cut') {
      response.destroy();
      return;
    }
    const leave = () => {
      if (plan.ending === 'truncate') writeHalf(response, answer);
      else write(entry, response, answer);
    };
    const { delayMs, after } = plan.reply;
    if (delayMs === undefined && after === undefined) leave();
    else waitFor(delayMs, after).then(leave, (error: Error) => response.destroy(error));
  }

  async function waitFor(delayMs: number | undefined, after: Promise<unknown> | undefined): Promise<void> {
    if (delayMs !== undefined) await deps.delay(delayMs);
    await after;
  }

  function receive(operation: Operation) {
    return (request: Request, response: Response) => {
      readJson(request, response, (badJson?: unknown) => {
        if (badJson) handle(operation, request, response, true);
        else readForm(request, response, (badForm?: unknown) => handle(operation, request, response, Boolean(badForm)));
      });
    };
  }

  const router = Router();
  router.post('/sms', receive('sms'));
  router.post('/call', receive('call'));
  router.post('/:id/verify', receive('verify'));
  return router;
}

function invalid(details: readonly string[]): Answer {
  return { status: 422, body: invalidAttributes(details) };
}

function numberIn(body: unknown): string | undefined {
  const to = typeof body === 'object' && body !== null && 'to' in body ? body.to : undefined;
  return typeof to === 'string' ? to : undefined;
}

function withoutId(answer: Answer): Answer {
  return { ...answer, body: { ...(answer.body as object), id: undefined } };
}

/** The answer with what the reply puts in its place; a status of its own leaves no body but its own. */
function withReply(answer: Answer, { status, headers, body, raw }: Reply): Answer {
  const ownBody = body !== undefined || raw !== undefined || status !== undefined;
  return { status: status ?? answer.status, headers, ...(ownBody ? { body, raw } : { body: answer.body }) };
}

function write(entry: SandboxRequest, response: Response, answer: Answer): void {
  entry.status = answer.status;
  const payload = payloadOf(answer);
  response.writeHead(answer.status, headersOf(answer, payload)).end(payload);
}

function writeHalf(response: Response, answer: Answer): void {
  const payload = payloadOf(answer);
  response.writeHead(answer.status, headersOf(answer, payload));
  response.write(payload.slice(0, payload.length / 2), () => response.destroy());
}

function payloadOf({ body, raw }: Answer): string {
  if (raw !== undefined) return raw;
  return body === undefined ? '' : JSON.stringify(body);
}

function headersOf({ headers, body }: Answer, payload: string): Record<string, string> {
  const length = String(Buffer.byteLength(payload));
  const type = body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
  return { ...type, 'content-length': length, ...headers };
}
