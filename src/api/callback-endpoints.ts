import type { RequestHandler, Response } from 'express';
import { z } from 'zod';
import {
  type CallbackEndpoint,
  EventType,
  endpointView,
  isEndpointId,
  newEndpointId,
  newSecret,
} from '../shared/callback-endpoint.ts';
import type { CallbackStore } from '../shared/callback-store.ts';
import { judgeTargetUrl, type NetworkPolicy } from '../shared/callback-target.ts';
import { callbackView } from '../shared/callback-view.ts';
import type { Clock } from '../shared/clock.ts';
import type { EndpointEvents } from '../shared/endpoint-events.ts';
import type { EndpointStore } from '../shared/endpoint-store.ts';
import type { RandomHex } from '../shared/ids.ts';
import { ownerOf } from './authenticate.ts';
import { invalidRequest, ProblemError } from './problems.ts';
import { parseBody } from './read-json.ts';
import type { ReplayCallback } from './replay-callback.ts';

interface Deps {
  endpoints: EndpointStore;
  endpointEvents: EndpointEvents;
  callbacks: CallbackStore;
  replayCallback: ReplayCallback;
  networks: NetworkPolicy;
  clock: Clock;
  random: RandomHex;
}

const MAX_ENDPOINTS = 20;
const DAY_SECONDS = 24 * 60 * 60;
/** A replay of more than this is asked for in parts: the answer says until when it came. */
const MAX_REPLAYED = 1_000;

export type EndpointSchemas = ReturnType<typeof createEndpointSchemas>;

/** The request schemas of endpoints. */
export function createEndpointSchemas(networks: NetworkPolicy) {
  const Url = z
    .string()
    .superRefine((url, context) => {
      const judged = judgeTargetUrl(url, networks);
      if (!judged.ok) context.addIssue({ code: 'custom', message: judged.detail, params: { code: judged.code } });
    })
    .meta({ format: 'uri' });
  const Types = z
    .array(EventType)
    .min(1, 'must name at least 1 event type; null for all')
    .nullable()
    .meta({ description: 'The events that it gets; null for all.' });
  const Description = z.string().max(256, 'must have at most 256 characters').nullable();
  const Instant = z.iso
    .datetime({ offset: true, error: 'must be a time such as 2026-11-23T00:00:00Z' })
    .meta({ override: { type: 'string', format: 'date-time' } });
  return {
    CreateCallbackEndpoint: z
      .strictObject({
        url: Url,
        types: Types.optional(),
        description: Description.optional(),
        disabled: z.boolean().optional(),
      })
      .meta({ id: 'CreateCallbackEndpoint' }),
    UpdateCallbackEndpoint: z
      .strictObject({
        url: Url.optional(),
        types: Types.optional(),
        description: Description.optional(),
        disabled: z.boolean().optional(),
      })
      .meta({ id: 'UpdateCallbackEndpoint' }),
    RotateSecret: z
      .strictObject({
        expires_in: z
          .int()
          .min(0, 'must be 0 to 604800 seconds')
          .max(7 * DAY_SECONDS, 'must be 0 to 604800 seconds')
          .optional()
          .meta({ description: 'Seconds for which the old secret signs along; 86400 when absent.' }),
      })
      .meta({ id: 'RotateSecret' }),
    ReplayCallbacks: z
      .strictObject({ since: Instant, until: Instant.optional(), types: Types.optional() })
      .meta({ id: 'ReplayCallbacks' }),
  };
}

/** The routes of `/v1/callback-endpoints`. */
export function createCallbackEndpointRoutes(deps: Deps, schemas: EndpointSchemas) {
  const { endpoints, endpointEvents, callbacks, replayCallback, clock, random } = deps;

  async function find(id: unknown, response: Response): Promise<CallbackEndpoint> {
    const found = typeof id === 'string' && isEndpointId(id) ? await endpoints.read(ownerOf(response), id) : undefined;
    if (found === undefined) throw new ProblemError('not-found', 'there is no such callback endpoint');
    return found;
  }

  /** Changes an endpoint, on what it is by then when somebody else is faster. */
  async function change(
    id: unknown,
    response: Response,
    edit: (before: CallbackEndpoint) => CallbackEndpoint | undefined,
  ) {
    for (;;) {
      const before = await find(id, response);
      const after = edit(before);
      if (await endpoints.save(before, after)) return after ?? before;
    }
  }

  return {
    /** `POST /v1/callback-endpoints` */
    create: (async (request, response) => {
      const body = parseBody(schemas.CreateCallbackEndpoint, request.body);
      const owner = ownerOf(response);
      if ((await endpoints.load(owner)).endpoints.length >= MAX_ENDPOINTS) {
        throw new ProblemError('endpoint-limit', `there are ${MAX_ENDPOINTS} endpoints already; delete one first`);
      }
      const secret = newSecret(random);
      const endpoint: CallbackEndpoint = {
        schema: 1,
        id: newEndpointId(random),
        owner,
        url: body.url,
        types: body.types ?? null,
        description: body.description ?? null,
        disabled: body.disabled ? { at: clock.now(), reason: 'requested' } : null,
        secrets: [{ secret, expiresAt: null }],
        createdAt: clock.now(),
      };
      await endpoints.save(undefined, endpoint);
      response
        .status(201)
        .location(`/v1/callback-endpoints/${endpoint.id}`)
        .json({ ...endpointView(endpoint), secret });
    }) satisfies RequestHandler,

    /** `GET /v1/callback-endpoints` */
    list: (async (_request, response) => {
      const set = await endpoints.load(ownerOf(response));
      response.json({ object: 'list', data: set.endpoints.map(endpointView), next_cursor: null });
    }) satisfies RequestHandler,

    /** `GET /v1/callback-endpoints/{id}` */
    get: (async (request, response) => {
      response.json(endpointView(await find(request.params['id'], response)));
    }) satisfies RequestHandler,

    /** `PATCH /v1/callback-endpoints/{id}` */
    update: (async (request, response) => {
      const body = parseBody(schemas.UpdateCallbackEndpoint, request.body);
      const after = await change(request.params['id'], response, (before) => ({
        ...before,
        ...(body.url !== undefined && { url: body.url }),
        ...(body.types !== undefined && { types: body.types }),
        ...(body.description !== undefined && { description: body.description }),
        ...(body.disabled === true &&
          before.disabled === null && { disabled: { at: clock.now(), reason: 'requested' } }),
        ...(body.disabled === false && { disabled: null }),
      }));
      response.json(endpointView(after));
    }) satisfies RequestHandler,

    /** `DELETE /v1/callback-endpoints/{id}` */
    remove: (async (request, response) => {
      await change(request.params['id'], response, () => undefined);
      response.status(204).end();
    }) satisfies RequestHandler,

    /** `POST /v1/callback-endpoints/{id}/rotate-secret` */
    rotateSecret: (async (request, response) => {
      const { expires_in: seconds = DAY_SECONDS } = parseBody(
        schemas.RotateSecret,
        request.body === undefined ? {} : request.body,
      );
      const secret = newSecret(random);
      const now = clock.now();
      const after = await change(request.params['id'], response, (before) => ({
        ...before,
        secrets: [
          { secret, expiresAt: null },
          ...before.secrets
            .map((old) => ({
              ...old,
              expiresAt: Math.min(old.expiresAt ?? Number.POSITIVE_INFINITY, now + seconds * 1000),
            }))
            .filter((old) => old.expiresAt > now)
            .slice(0, 1), // one rotation at a time: the one before it ends
        ],
      }));
      response.json({ ...endpointView(after), secret });
    }) satisfies RequestHandler,

    /** `POST /v1/callback-endpoints/{id}/test` */
    test: (async (request, response) => {
      const callback = await endpointEvents.test(await find(request.params['id'], response));
      response.status(202).json(callback && callbackView(callback));
    }) satisfies RequestHandler,

    /** `POST /v1/callback-endpoints/{id}/replay` */
    replay: (async (request, response) => {
      const { since, until, types } = parseBody(schemas.ReplayCallbacks, request.body);
      const endpoint = await find(request.params['id'], response);
      const from = Date.parse(since);
      const to = until === undefined ? clock.now() : Date.parse(until);
      if (to < from)
        throw invalidRequest([{ pointer: '/until', code: 'out-of-range', detail: 'must not be before "since"' }]);
      const found = await callbacks.between(endpoint.id, from, to, MAX_REPLAYED);
      let replayed = 0;
      let last = from;
      for (const { id, at } of found) {
        const callback = (await callbacks.read(id))?.callback;
        if (callback === undefined) continue;
        last = at;
        if (types && !types.some((type) => type === callback.type)) continue;
        await replayCallback(id, endpoint.owner);
        replayed += 1;
      }
      const complete = found.length < MAX_REPLAYED;
      response
        .status(202)
        .json({ object: 'replay', replayed, complete, until: new Date(complete ? to : last).toISOString() });
    }) satisfies RequestHandler,
  };
}
