import type { Request, RequestHandler } from 'express';
import type { Clock } from '../shared/clock.ts';
import { isClosed } from '../shared/verification.ts';
import { verificationView } from '../shared/verification-view.ts';
import { ownerOf } from './authenticate.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { FindVerification } from './find-verification.ts';
import { invalidRequest } from './problems.ts';

const MAX_WAIT_SECONDS = 60;

interface Deps {
  find: FindVerification;
  changes: ChangeFeed;
  clock: Clock;
  /** Milliseconds that only ever grow. */
  monotonicNow: () => number;
}

/**
 * `GET /v1/verifications/{id}`: what is due by the clock has happened before it is shown. With `Prefer: wait=n` (RFC 7240)
 * the answer is held until it differs from `If-None-Match`, or without that header until it is closed.
 */
export function getVerificationRoute({ find, changes, clock, monotonicNow }: Deps): RequestHandler {
  return async (request, response) => {
    const { id } = request.params;
    const known = request.get('if-none-match')?.trim();
    const seconds = readWait(request);
    const deadline = monotonicNow() + (seconds ?? 0) * 1000;
    if (seconds !== undefined) response.set('preference-applied', `wait=${seconds}`);
    const feed = seconds === undefined ? undefined : changes.listen(String(id));
    response.once('close', () => feed?.stop());
    try {
      for (;;) {
        const stored = await find.look(id, ownerOf(response));
        const etag = `"${stored.version.replace(' ', '-')}"`;
        const same = known !== undefined && matches(known, etag);
        const answer = () => {
          response.set('etag', etag);
          if (same) response.status(304).end();
          else response.json(verificationView(stored.verification, 'full'));
        };
        const restMs = deadline - monotonicNow();
        const settled = known === undefined ? isClosed(stored.verification) : !same;
        if (settled || feed === undefined || restMs <= 0 || response.destroyed) return answer();
        // it ends by its expiry, even when no job notices
        const expiresInMs = isClosed(stored.verification) ? restMs : stored.verification.expiresAt - clock.now();
        await feed.next(Math.max(1, Math.min(restMs, expiresInMs)));
        // all who wait are answered at once: as many questions to Redis would time out
        if (changes.isClosed()) return answer();
      }
    } finally {
      feed?.close();
    }
  };
}

function matches(header: string, etag: string): boolean {
  return header === '*' || header.split(',').some((given) => given.trim().replace(/^W\//, '') === etag);
}

function readWait(request: Request): number | undefined {
  const preference = /(?:^|[,;])\s*wait\s*=\s*"?([^",;\s]*)"?/i.exec(request.get('prefer') ?? '')?.[1];
  if (preference === undefined) return undefined;
  const seconds = Number(preference);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_WAIT_SECONDS) {
    const detail = `the header Prefer must be wait=1 to wait=${MAX_WAIT_SECONDS}, in seconds`;
    throw invalidRequest([{ pointer: '', code: 'out-of-range', detail }]);
  }
  return seconds;
}
