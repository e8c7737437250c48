import { isIP } from 'node:net';
import express, { type RequestHandler, type Router } from 'express';
import { z } from 'zod';
import { createNetworkPolicy } from '../shared/callback-target.ts';
import { ProblemError } from './problems.ts';
import { parseBody } from './read-json.ts';
import type { Supervisor } from './supervisor.ts';

/** What is broken at the moment, as the sandbox tells it. */
const Troubles = z.object({ text_lost: z.boolean(), provider_down: z.number(), receiver_down: z.boolean() });

/** What the page may ask for: each trouble on or off. */
const Wanted = z.strictObject({
  text_lost: z.boolean().optional(),
  provider_down: z.boolean().optional(),
  receiver_down: z.boolean().optional(),
});

/** One less than `SEND_TRIES` by default: the last try gets through. */
const TRIES_REFUSED = 4;
const TIMEOUT_MS = 2_000;

interface Deps {
  sandboxUrl: string;
  projectKey: string;
  token: string;
  supervisor: Supervisor | undefined;
}

export type DemoTroubles = ReturnType<typeof createDemoTroubles>;

/** Builds the switches of the demo that break the sandbox, the receiver in it, and the worker. */
export function createDemoTroubles({ sandboxUrl, projectKey, token, supervisor }: Deps) {
  const authorization = `Basic ${Buffer.from(`${projectKey}:${token}`).toString('base64')}`;

  async function askSandbox(change?: Partial<z.infer<typeof Troubles>>) {
    try {
      const response = await fetch(`${sandboxUrl}/control/troubles`, {
        method: change ? 'PATCH' : 'GET',
        headers: { authorization, 'content-type': 'application/json' },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(change && { body: JSON.stringify(change) }),
      });
      return Troubles.parse(await response.json());
    } catch {
      throw new ProblemError('unavailable', 'the sandbox does not answer', { retryAfterMs: 1_000 });
    }
  }

  /** @throws {ProblemError} `unavailable`, when the sandbox does not answer. */
  async function read() {
    return { ...(await askSandbox()), worker_runs: supervisor?.workerRuns() ?? null };
  }

  const routes: Router = express.Router();
  routes.use(refuseStrangers);
  routes.get('/', async (_request, response) => {
    response.json(await read());
  });
  routes.patch('/', async (request, response) => {
    const { provider_down: down, ...switches } = parseBody(Wanted, request.body);
    await askSandbox({ ...switches, ...(down !== undefined && { provider_down: down ? TRIES_REFUSED : 0 }) } as Partial<
      z.infer<typeof Troubles>
    >);
    response.json(await read());
  });
  routes.post('/kill-worker', async (_request, response) => {
    if (supervisor?.workerRuns() === undefined) throw new ProblemError('not-found', 'nobody would start it again');
    supervisor.killWorker();
    response.status(202).json(await read());
  });
  return { read, routes };
}

const { isListed: isLoopback } = createNetworkPolicy(['127.0.0.0/8', '::1/128']);

/**
 * Whether the visitor sits at this machine: the connection comes from it and no proxy says to speak for somebody else, and
 * the address in the browser is its own, so that no other site can lend its name to it (DNS rebinding).
 */
export function isVisitorHere(request: express.Request): boolean {
  if (request.get('x-forwarded-for') !== undefined || request.get('forwarded') !== undefined) return false;
  const host = /^\[?([^\]]*?)\]?(?::\d+)?$/.exec(request.get('host') ?? '')?.[1] ?? '';
  const named = host === 'localhost' || (isIP(host) !== 0 && isLoopback(host));
  return named && isLoopback(request.socket.remoteAddress ?? '');
}

const refuseStrangers: RequestHandler = (request, _response, next) => {
  if (!isVisitorHere(request)) throw new ProblemError('forbidden', 'only for who sits at this machine');
  next();
};
