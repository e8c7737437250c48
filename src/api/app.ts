import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { CallbackStore } from '../shared/callback-store.ts';
import type { DecisionLog } from '../shared/decision-log.ts';
import type { Health } from '../shared/health.ts';
import type { RandomHex } from '../shared/ids.ts';
import type { Metrics } from '../shared/metrics.ts';
import type { Tracing } from '../shared/tracing.ts';
import type { createCallbackEndpointRoutes } from './callback-endpoints.ts';
import { cancelVerificationRoute } from './cancel-verification.ts';
import { type CheckCode, checkCodeRoute } from './check-code.ts';
import { createVerificationRoute, type SubmitVerification } from './create-verification.ts';
import type { createErasureRoutes } from './erase-number.ts';
import type { FindVerification } from './find-verification.ts';
import type { createIdempotency } from './idempotency.ts';
import { listAuditRoute } from './list-audit.ts';
import { listCallbacksRoute } from './list-callbacks.ts';
import { listVerificationCallbacksRoute } from './list-verification-callbacks.ts';
import type { createListRoutes } from './list-verifications.ts';
import { createProblemHandler, notFound } from './problem-handler.ts';
import { createProblemPages } from './problem-pages.ts';
import { ProblemError } from './problems.ts';
import { readJson } from './read-json.ts';
import { createReferencePage } from './reference-page.ts';
import { type ReplayCallback, replayCallbackRoute } from './replay-callback.ts';
import { type RequestAttempt, requestAttemptRoute } from './request-attempt.ts';
import { createRequestId } from './request-id.ts';
import { createRequestLog } from './request-log.ts';
import type { RequestSchemas } from './schemas.ts';
import { createTraceRequest } from './trace-request.ts';

export interface AppDeps {
  authenticate: RequestHandler;
  schemas: RequestSchemas;
  submit: SubmitVerification;
  find: FindVerification;
  checkCode: CheckCode;
  requestAttempt: RequestAttempt;
  getVerification: RequestHandler;
  getTimeline: RequestHandler;
  listRoutes: ReturnType<typeof createListRoutes>;
  decisions: Pick<DecisionLog, 'read'>;
  simulate: RequestHandler;
  callbacks: CallbackStore;
  replayCallback: ReplayCallback;
  erasureRoutes: ReturnType<typeof createErasureRoutes>;
  endpointRoutes: ReturnType<typeof createCallbackEndpointRoutes>;
  idempotent: ReturnType<typeof createIdempotency>;
  openapi: unknown;
  /** What operators see, when somebody can sign in. */
  admin: RequestHandler | undefined;
  /** See `Config`. */
  trustedProxies: readonly string[];
  /** The demo page, when it is on. */
  demo: RequestHandler | undefined;
  health: Health;
  metrics: Metrics;
  tracing: Tracing;
  log: Logger;
  random: RandomHex;
}

const noStore: RequestHandler = (_request, response, next) => {
  response.set('cache-control', 'no-store');
  next();
};

/** Ranges, and conditions for a write, mean nothing here; what sends files would refuse some of them. */
const ignoreConditions: RequestHandler = (request, _response, next) => {
  for (const name of ['range', 'if-range', 'if-match', 'if-unmodified-since']) delete request.headers[name];
  next();
};

/** Node would refuse it with an empty answer. */
const requireHost: RequestHandler = (request, _response, next) => {
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    throw new ProblemError('malformed-request', 'the header Host is missing');
  }
  next();
};

/** The HTTP side of the API process: which address leads where. */
export function createApp(deps: AppDeps): Express {
  const { find, schemas, health, idempotent } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.set('etag', false);
  // Express would answer `If-None-Match: *` with 304 everywhere; only routes with an ETag know what is fresh
  Object.defineProperty(app.request, 'fresh', { value: false });
  app.set('trust proxy', deps.trustedProxies);
  app.use(
    createRequestId(deps.random),
    createTraceRequest(deps.tracing),
    createRequestLog(deps),
    helmet(),
    requireHost,
    ignoreConditions,
  );

  app.get('/livez', (_request, response) => {
    response.set('cache-control', 'no-store').json(health.live());
  });
  app.get('/readyz', async (_request, response) => {
    const { status, body } = await health.ready();
    response.status(status).set('cache-control', 'no-store').json(body);
  });

  // before any body parser: the board must never be handed a parsed form
  if (deps.admin) app.use('/admin', deps.admin);

  if (deps.demo) app.use('/demo', deps.demo);
  app.get('/openapi.json', (_request, response) => {
    response.set('cache-control', 'no-cache').json(deps.openapi);
  });
  app.use('/docs', createReferencePage());
  app.use('/problems', createProblemPages());

  app.use('/v1', noStore, deps.authenticate, readJson);
  app.post('/v1/verifications', idempotent(createVerificationRoute(deps.submit, schemas)));
  app.get('/v1/verifications', deps.listRoutes.list);
  app.post('/v1/verifications/search', deps.listRoutes.search);
  app.get('/v1/verifications/:id', deps.getVerification);
  app.post('/v1/verifications/:id/checks', checkCodeRoute(deps.checkCode, schemas));
  app.post('/v1/verifications/:id/attempts', idempotent(requestAttemptRoute(deps.requestAttempt, schemas)));
  app.post('/v1/verifications/:id/cancel', cancelVerificationRoute(find));
  app.get('/v1/verifications/:id/timeline', deps.getTimeline);
  app.get('/v1/verifications/:id/callbacks', listVerificationCallbacksRoute(find, deps.callbacks));
  app.post('/v1/simulate', deps.simulate);
  app.post('/v1/erasures', deps.erasureRoutes.create);
  app.get('/v1/erasures/:id', deps.erasureRoutes.get);
  app.get('/v1/audit', listAuditRoute(deps.decisions));
  app.get('/v1/callbacks', listCallbacksRoute(deps.callbacks));
  app.post('/v1/callbacks/:id/replay', replayCallbackRoute(deps.replayCallback));
  const { endpointRoutes } = deps;
  app.post('/v1/callback-endpoints', endpointRoutes.create);
  app.get('/v1/callback-endpoints', endpointRoutes.list);
  app.get('/v1/callback-endpoints/:id', endpointRoutes.get);
  app.patch('/v1/callback-endpoints/:id', endpointRoutes.update);
  app.delete('/v1/callback-endpoints/:id', endpointRoutes.remove);
  app.post('/v1/callback-endpoints/:id/rotate-secret', endpointRoutes.rotateSecret);
  app.post('/v1/callback-endpoints/:id/test', endpointRoutes.test);
  app.post('/v1/callback-endpoints/:id/replay', endpointRoutes.replay);

  app.use(notFound);
  app.use(createProblemHandler(deps.log));
  return app;
}
