import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { type RequestHandler, Router } from 'express';
import type { AuditLog } from '../../shared/audit-log.ts';
import { contentSecurityPolicy, OWN_FILES } from '../../shared/content-security-policy.ts';
import type { Partition } from '../../shared/partitioned.ts';
import { QUEUE_NAMES } from '../../shared/queues.ts';
import { setHeaders } from '../set-headers.ts';
import { boardAction } from './board-action.ts';
import { redactNumbers } from './redact-numbers.ts';
import { currentUser, hasRole, requireRole } from './role.ts';

const BASE_PATH = '/admin/queues';
const DESCRIPTIONS = {
  verifications: 'Alarm clocks: one job per open verification, delayed until its next deadline.',
  sms: 'One job per text; its retries are the tries.',
  call: 'One job per call; its retries are the tries.',
  callbacks: 'One job per callback; its retries are the deliveries.',
} as const;
/** Tells the board's hooks, which see no more than headers, who asks; what a client sends under this name is dropped. */
const ACTOR = 'ringback-actor';

/**
 * Bull Board, for whoever is signed in. An operator may do anything to the jobs: the stored verifications are the truth,
 * and what is deleted or run again by hand changes nothing about them. A viewer only looks: every other method is refused
 * here, whatever the board would do with it, and the viewer's board shows no buttons for it.
 */
export function createQueueBoard({
  partitions,
  audit,
}: {
  partitions: readonly Partition[];
  audit: Pick<AuditLog, 'record'>;
}): RequestHandler {
  const boards = {
    operator: createBoard(partitions, audit, false),
    viewer: createBoard(partitions, audit, true),
  };
  const onlyOperators = requireRole('operator');
  const router = Router();
  router.use(
    setHeaders({
      'content-security-policy': contentSecurityPolicy({
        ...OWN_FILES,
        'style-src': "'self' 'unsafe-inline'", // the board puts styles into its page
        'font-src': "'self'",
        'base-uri': "'self'",
        'form-action': "'self'",
      }),
    }),
    (request, response, next) => {
      if (request.method === 'GET' || request.method === 'HEAD') next();
      else onlyOperators(request, response, next);
    },
    (request, response, next) => {
      const user = currentUser(response);
      request.headers[ACTOR] = encodeURIComponent(user.name);
      boards[hasRole(user, 'operator') ? 'operator' : 'viewer'](request, response, next);
    },
  );
  return router;
}

function createBoard(
  partitions: readonly Partition[],
  audit: Pick<AuditLog, 'record'>,
  readOnlyMode: boolean,
): RequestHandler {
  const adapter = new SelfContainedAdapter();
  adapter.setBasePath(BASE_PATH);
  createBullBoard({
    serverAdapter: adapter,
    queues: partitions.flatMap((partition) =>
      QUEUE_NAMES.map(
        (name) =>
          new BullMQAdapter(partition.queues[name], {
            description: DESCRIPTIONS[name],
            readOnlyMode,
            ...(partitions.length > 1 && {
              prefix: `partition ${partition.name}:`,
              delimiter: ':',
              displayName: `${name} (partition ${partition.name})`,
            }),
          }),
      ),
    ),
    options: {
      uiConfig: {
        boardTitle: 'Ringback',
        hideDocsLink: true,
        miscLinks: [{ text: 'Sign out', url: '/admin/sign-out' }],
      },
      handlerHooks: {
        // before it is done: nothing happens that is not written down
        async before({ method, route, request }) {
          if (method === 'get') return;
          const actor = decodeURIComponent(String(request?.headers[ACTOR]));
          await audit.record({ actor, ...boardAction(route, request?.params ?? {}) });
        },
        // jobs hold no number; this is for what somebody adds by hand, and for words of others in errors
        after: (_context, result) => ({ ...result, body: redactNumbers(result.body) }),
      },
    },
  });
  const board = adapter.getRouter();
  board.disable('x-powered-by');
  return board;
}

/** Bull Board's page without the font that it loads from another host; the system's own serves as well. */
class SelfContainedAdapter extends ExpressAdapter {
  override setEntryRoute({ method, route, handler }: Parameters<ExpressAdapter['setEntryRoute']>[0]): ExpressAdapter {
    this.app[method](route, (_request, response, next) => {
      const { name, params } = handler({ basePath: this.basePath, uiConfig: this.uiConfig });
      response.render(name, params, (error: Error | null, html = '') => {
        if (error) next(error);
        else response.send(html.replaceAll(/<link [^>]*href="https?:[^>]*>/g, ''));
      });
    });
    return this;
  }
}
