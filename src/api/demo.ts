import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, type Router } from 'express';
import { z } from 'zod';
import { Channel } from '../shared/channel.ts';
import { verificationView } from '../shared/verification-view.ts';
import { type CheckCode, checkCodeRoute } from './check-code.ts';
import type { SubmitVerification } from './create-verification.ts';
import type { createIdempotency } from './idempotency.ts';
import { ProblemError } from './problems.ts';
import { parseBody, readJson } from './read-json.ts';
import { type RequestAttempt, requestAttemptRoute } from './request-attempt.ts';
import { refuseCrossSite } from './same-origin.ts';
import type { RequestSchemas } from './schemas.ts';

interface Deps {
  submit: SubmitVerification;
  getVerification: RequestHandler;
  getTimeline: RequestHandler;
  checkCode: CheckCode;
  requestAttempt: RequestAttempt;
  schemas: RequestSchemas;
  idempotent: ReturnType<typeof createIdempotency>;
  /** Origin of the sandbox's phone page; undefined: codes go to real phones. */
  sandboxUrl: string | undefined;
}

/** Owns what the page submits; no API key can have this name. */
const OWNER = '~demo';
const PAGE = fileURLToPath(new URL('./demo/', import.meta.url));
/** Seconds; short, so that whoever tries the demo sees the call follow. */
const TEXT_TIMEOUT = 20;
const WORKFLOWS = {
  sms: [{ channel: 'sms', timeout: TEXT_TIMEOUT }, { channel: 'call' }],
  call: [{ channel: 'call' }],
} satisfies Record<Channel, { channel: Channel; timeout?: number }[]>;

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Builds the demo: the two-step page, and the few routes behind it. They are the use cases of `/v1` without an API key:
 * whoever knows the id of a verification, 128 random bits that only its page was told, may follow and check it.
 */
export function createDemo({
  submit,
  getVerification,
  getTimeline,
  checkCode,
  requestAttempt,
  schemas,
  idempotent,
  sandboxUrl,
}: Deps): Router {
  const api = express.Router();
  api.use(asDemo, refuseCrossSite, requireJson, readJson);
  api.get('/settings', (_request, response) => {
    response.json({ sandbox_url: sandboxUrl ?? null });
  });
  api.post('/verifications', createRoute(submit, schemas));
  api.get('/verifications/:id', getVerification);
  api.get('/verifications/:id/timeline', getTimeline);
  api.post('/verifications/:id/checks', checkCodeRoute(checkCode, schemas));
  api.post('/verifications/:id/attempts', idempotent(requestAttemptRoute(requestAttempt, schemas)));

  const demo = express.Router();
  demo.use((_request, response, next) => {
    response.set({
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'permissions-policy': 'otp-credentials=(self)',
      'cache-control': 'no-cache',
    });
    next();
  });
  demo.use('/api', api);
  demo.use(express.static(PAGE, { cacheControl: false }));
  return demo;
}

const asDemo: RequestHandler = (_request, response, next) => {
  response.locals['owner'] = OWNER;
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

/** `POST /demo/api/verifications`: the newest page wins, so one left open elsewhere is replaced. */
function createRoute(submit: SubmitVerification, schemas: RequestSchemas): RequestHandler {
  const Body = z.strictObject({ to: schemas.CreateVerification.shape.to, channel: Channel });
  return async (request, response) => {
    const { to, channel } = parseBody(Body, request.body);
    const { verification } = await submit({ to, workflow: WORKFLOWS[channel], if_active: 'replace' }, OWNER);
    response.status(202).json(verificationView(verification, 'full'));
  };
}
