import path from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import type { AuditLog } from '../../shared/audit-log.ts';
import { isEndpointId } from '../../shared/callback-endpoint.ts';
import type { CallbackStore } from '../../shared/callback-store.ts';
import { contentSecurityPolicy, OWN_FILES } from '../../shared/content-security-policy.ts';
import type { EndpointStore } from '../../shared/endpoint-store.ts';
import { isCallbackId } from '../../shared/ids.ts';
import { localizedPage, PAGE_ASSETS } from '../../shared/localized-page.ts';
import type { PrefixBlocks } from '../../shared/prefix-blocks.ts';
import { HOUR_MS, KEPT_MS, type Tallies } from '../../shared/tallies.ts';
import { ProblemError } from '../problems.ts';
import { parseBody, parseQuery, readJson } from '../read-json.ts';
import type { ReplayCallback } from '../replay-callback.ts';
import { setHeaders } from '../set-headers.ts';
import { createBlockRoutes } from './console-blocks.ts';
import { type Figures, figuresOf } from './console-figures.ts';
import type { createNow } from './console-now.ts';
import type { createConsoleSearch } from './console-search.ts';
import { redactNumbers } from './redact-numbers.ts';
import { currentUser, hasRole, requireRole } from './role.ts';

const FILES = fileURLToPath(new URL('./console/', import.meta.url));
const UPLOT = path.join(path.dirname(fileURLToPath(import.meta.resolve('uplot/package.json'))), 'dist');
const AUDIT_ENTRIES = 20;
/** Clients choose where callbacks go; those with most failures come first. */
const MOST_TARGETS = 50;

const FiguresQuery = z.strictObject({
  hours: z.coerce
    .number()
    .pipe(
      z
        .int()
        .min(1)
        .max(KEPT_MS / HOUR_MS - 1),
    )
    .default(24),
});
/** A number stands in no URL, so it is posted. */
const SearchBody = z.strictObject({ wanted: z.string().trim().min(1).max(128) });

interface Deps {
  tallies: Pick<Tallies, 'read'>;
  now: ReturnType<typeof createNow>;
  search: ReturnType<typeof createConsoleSearch>;
  endpoints: Pick<EndpointStore, 'read'>;
  callbacks: Pick<CallbackStore, 'read'>;
  replayCallback: ReplayCallback;
  prefixBlocks: PrefixBlocks;
  audit: Pick<AuditLog, 'record' | 'list'>;
}

/** The operator's console, for whoever is signed in: its pages and the JSON behind them. */
export function createConsole(deps: Deps): RequestHandler {
  const router = Router();
  const policy = contentSecurityPolicy({ ...OWN_FILES, 'img-src': 'data:', 'form-action': "'self'" });
  router.use(setHeaders({ 'content-security-policy': policy }));
  const page = (kind: 'overview' | 'story') =>
    localizedPage({
      template: new URL('./console/index.html', import.meta.url),
      values: (_request, _language, response) => {
        const user = currentUser(response);
        return { user: user.name, role: user.role, operator: hasRole(user, 'operator'), [kind]: true };
      },
    });
  router.get('/', page('overview'));
  router.get('/verifications/:id', page('story'));
  router.use('/api', createRoutes(deps));
  router.use('/console/pages', express.static(PAGE_ASSETS, { index: false, cacheControl: false }));
  router.use('/console', express.static(FILES, { index: false, cacheControl: false }));
  for (const file of ['uPlot.iife.min.js', 'uPlot.min.css']) {
    router.get(`/console/${file}`, (_request, response) => {
      response.sendFile(file, { root: UPLOT, cacheControl: false });
    });
  }
  return router;
}

function createRoutes(deps: Deps): Router {
  const { tallies, now, search, callbacks, replayCallback, audit } = deps;
  const send = (response: Response, body: unknown) => response.json(redactNumbers(body));
  const routes = Router();
  routes.use(readJson);
  routes.use('/blocks', createBlockRoutes(deps));

  routes.get('/figures', async (request, response) => {
    const { hours } = parseQuery(FiguresQuery, request.query);
    const [verifications, tries, delivered] = await Promise.all([
      tallies.read('verifications', hours),
      tallies.read('tries', hours),
      tallies.read('callbacks', hours),
    ]);
    const figures = figuresOf({ verifications, tries, callbacks: delivered });
    send(response, { ...figures, targets: await Promise.all(figures.targets.slice(0, MOST_TARGETS).map(named)) });
  });

  routes.get('/now', async (_request, response) => {
    send(response, await now());
  });

  routes.get('/audit', async (_request, response) => {
    send(response, { object: 'list', data: await audit.list(AUDIT_ENTRIES) });
  });

  routes.post('/search', async (request, response) => {
    const { wanted } = parseBody(SearchBody, request.body);
    send(response, { object: 'list', data: await search.search(wanted) });
  });

  routes.get('/verifications/:id', async (request, response) => {
    send(response, await search.story(request.params.id));
  });

  routes.post('/callbacks/:id/replay', requireRole('operator'), async (request, response) => {
    const { id } = request.params;
    const stored = typeof id === 'string' && isCallbackId(id) ? await callbacks.read(id) : undefined;
    if (stored === undefined) throw new ProblemError('not-found', 'there is no such callback');
    const { id: subject, owner } = stored.callback;
    // before it is done: nothing happens that is not written down
    await audit.record({ actor: currentUser(response).name, action: 'callback.replayed', owner, subject });
    const { status } = await replayCallback(subject, owner);
    response.status(202);
    send(response, { id: subject, status });
  });

  /** A target as people know it: only the origin, since paths may hold secrets. */
  async function named(target: Figures['targets'][number]) {
    if (!isEndpointId(target.target)) return { ...target, endpoint: null, origin: target.target, state: 'enabled' };
    const endpoint = await deps.endpoints.read(target.owner, target.target);
    const state = endpoint === undefined ? 'deleted' : endpoint.disabled ? 'disabled' : 'enabled';
    return { ...target, endpoint: target.target, origin: endpoint ? new URL(endpoint.url).origin : null, state };
  }

  return routes;
}
