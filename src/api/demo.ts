import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, type Router } from 'express';
import { z } from 'zod';
import type { CallbackStore } from '../shared/callback-store.ts';
import { judgeTargetUrl, type NetworkPolicy } from '../shared/callback-target.ts';
import { Channel } from '../shared/channel.ts';
import type { Config } from '../shared/config.ts';
import { contentSecurityPolicy, OWN_FILES } from '../shared/content-security-policy.ts';
import { allowedCountries } from '../shared/country-rule.ts';
import { PAGE_ASSETS } from '../shared/localized-page.ts';
import type { FindJob } from '../shared/partitioned.ts';
import { completeNumber } from '../shared/phone-number.ts';
import { verificationView } from '../shared/verification-view.ts';
import { type CheckCode, checkCodeRoute } from './check-code.ts';
import type { SubmitVerification } from './create-verification.ts';
import { demoLiveRoute } from './demo-live.ts';
import { demoPage } from './demo-page.ts';
import { createDemoTroubles } from './demo-troubles.ts';
import type { FindVerification } from './find-verification.ts';
import type { createIdempotency } from './idempotency.ts';
import { ProblemError } from './problems.ts';
import { parseBody, readJson } from './read-json.ts';
import { type RequestAttempt, requestAttemptRoute } from './request-attempt.ts';
import { refuseCrossSite } from './same-origin.ts';
import type { RequestSchemas } from './schemas.ts';
import { setHeaders } from './set-headers.ts';
import type { Supervisor } from './supervisor.ts';

interface Deps {
  submit: SubmitVerification;
  find: FindVerification;
  getVerification: RequestHandler;
  getTimeline: RequestHandler;
  checkCode: CheckCode;
  requestAttempt: RequestAttempt;
  schemas: RequestSchemas;
  idempotent: ReturnType<typeof createIdempotency>;
  findJob: FindJob;
  callbacks: CallbackStore;
  networks: NetworkPolicy;
  config: Config;
  supervisor: Supervisor | undefined;
  /** Aborted when the process has to go. */
  closing: AbortSignal;
}

/** Owns what the page submits; no API key can have this name. */
export const DEMO_OWNER = '~demo';
const PAGE = fileURLToPath(new URL('./demo/', import.meta.url));
/** Seconds; short, so that whoever tries the demo sees the call follow. */
const TEXT_TIMEOUT = 20;
const WORKFLOWS = {
  sms: [{ channel: 'sms', timeout: TEXT_TIMEOUT }, { channel: 'call' }],
  call: [{ channel: 'call' }],
} satisfies Record<Channel, { channel: Channel; timeout?: number }[]>;

const CONTENT_SECURITY_POLICY = contentSecurityPolicy({ ...OWN_FILES, 'form-action': "'self'" });

/**
 * Builds the demo: its page, and the few routes behind it. They are the use cases of `/v1` without an API key: whoever
 * knows the id of a verification, 128 random bits that only its page was told, may follow and check it. With the sandbox
 * the page shows its phone, too, and who sits at this machine may break things.
 */
export function createDemo(deps: Deps): Router {
  const { schemas, config, supervisor } = deps;
  const { sandboxUrl, signalwire } = config;
  const sandbox =
    sandboxUrl === undefined
      ? undefined
      : { url: sandboxUrl, troubles: createDemoTroubles({ ...signalwire, sandboxUrl, supervisor }) };
  const receiver = receiverIn(config, deps.networks);

  const api = express.Router();
  api.use(asDemo, refuseCrossSite, requireJson, readJson);
  api.post('/verifications', createRoute(deps.submit, schemas, receiver));
  api.get('/verifications/:id', deps.getVerification);
  api.get('/verifications/:id/timeline', deps.getTimeline);
  api.get('/verifications/:id/live', demoLiveRoute({ ...deps, sandbox }));
  api.post('/verifications/:id/checks', checkCodeRoute(deps.checkCode, schemas));
  api.post('/verifications/:id/attempts', deps.idempotent(requestAttemptRoute(deps.requestAttempt, schemas)));
  if (sandbox) api.use('/troubles', sandbox.troubles.routes);

  const page = demoPage({
    countries: allowedCountries(config.countries),
    sandboxUrl,
    receiver: receiver !== undefined,
    canKill: () => supervisor?.workerRuns() !== undefined,
    resendCooldownMs: config.sending.resendCooldownMs,
  });
  const demo = express.Router();
  demo.use(
    setHeaders({
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'permissions-policy': 'otp-credentials=(self)',
      'cache-control': 'no-cache',
    }),
  );
  demo.use('/api', api);
  demo.get('/', (request, response, next) => {
    // what the page refers to stands below it
    if (request.originalUrl.split('?')[0]?.endsWith('/')) page(request, response, next);
    else response.redirect(301, `${request.baseUrl}/`);
  });
  demo.use('/pages', express.static(PAGE_ASSETS, { index: false, cacheControl: false }));
  demo.use(express.static(PAGE, { index: false, cacheControl: false }));
  return demo;
}

/** The receiver in the sandbox, where callbacks go that would go nowhere else and may go there. */
function receiverIn({ sandboxUrl, callbacks }: Config, networks: NetworkPolicy): string | undefined {
  if (sandboxUrl === undefined || callbacks.url !== undefined || callbacks.secrets.length === 0) return undefined;
  const url = `${sandboxUrl}/receiver`;
  return judgeTargetUrl(url, networks).ok ? url : undefined;
}

const asDemo: RequestHandler = (_request, response, next) => {
  response.locals['owner'] = DEMO_OWNER;
  response.set('cache-control', 'no-store');
  next();
};

/** A form of another site cannot send JSON without asking first, so nothing else is taken. */
const requireJson: RequestHandler = (request, _response, next) => {
  if (request.method !== 'GET' && request.method !== 'HEAD' && !request.is('application/json')) {
    throw new ProblemError('forbidden', 'the demo takes application/json only');
  }
  next();
};

/**
 * `POST /demo/api/verifications`: the newest page wins, so one left open elsewhere is replaced. With a `country` the number
 * may be written as people there write it.
 */
function createRoute(
  submit: SubmitVerification,
  schemas: RequestSchemas,
  callbackUrl: string | undefined,
): RequestHandler {
  const Country = z.string().regex(/^[A-Z]{2}$/);
  const Body = z.strictObject({ to: z.string(), country: Country.optional(), channel: Channel });
  const Complete = z.object({ to: schemas.CreateVerification.shape.to });
  return async (request, response) => {
    const { to: written, country, channel } = parseBody(Body, request.body);
    const { to } = parseBody(Complete, { to: country ? completeNumber(written, country) : written });
    const body = { to, workflow: WORKFLOWS[channel], if_active: 'replace' as const, client_ip: request.ip };
    const { verification } = await submit({ ...body, ...(callbackUrl && { callback_url: callbackUrl }) }, DEMO_OWNER);
    response.status(202).json(verificationView(verification, 'full'));
  };
}
