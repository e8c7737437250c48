import { createHmac } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { RandomHex } from '../shared/ids.ts';
import type { Keys } from '../shared/keys.ts';
import type { RunScript } from '../shared/redis-scripts.ts';
import type { Verification } from '../shared/verification.ts';
import type { VerificationStore } from '../shared/verification-store.ts';
import { type VerificationView, verificationView } from '../shared/verification-view.ts';
import { ownerOf } from './authenticate.ts';
import type { NumberKey } from './number-key.ts';
import { invalidRequest, ProblemError } from './problems.ts';

/** An answer that can be kept and given again: a verification as it was at that moment. */
export interface Reply {
  status: number;
  location?: string;
  verification: Verification;
}

/**
 * A route that may be called with an `Idempotency-Key`.
 *
 * @param seed - names the request, when it came with a key: what it stores has to be found again by it, because the
 * answer may be lost after it was stored.
 */
export type IdempotentRoute = (request: Request, response: Response, seed: string | undefined) => Promise<Reply>;

/** How long an answer is given again. */
export const IDEMPOTENCY_TTL_MS = 24 * 60 * 60_000;
/** Longer than any request takes: then its process has died, and the key is free. */
const RUNNING_TTL_MS = 30_000;
const MAX_KEY_LENGTH = 255;

interface Deps {
  runScript: RunScript;
  keys: Keys;
  random: RandomHex;
  store: Pick<VerificationStore, 'read'>;
  /** Keys the hashes of what clients send: a body is little more than a number, and a key may be one. */
  numberKey: NumberKey;
}

/**
 * Makes routes idempotent, as draft-ietf-httpapi-idempotency-key-header describes: the same key and body within 24 h gets
 * the same 2xx answer again, marked `Idempotency-Replayed: true`; any other answer frees the key. Keys belong to the
 * key name and the route. A kept answer holds the masked number; the full one is put back from the verification, while
 * that one has it.
 */
export function createIdempotency({ runScript, keys, random, store, numberKey }: Deps) {
  async function replay(response: Response, status: string, location: string, body: string): Promise<void> {
    const kept = JSON.parse(body) as VerificationView;
    const now = await store.read(kept.id);
    const to = now ? verificationView(now.verification, 'full').to : kept.to;
    response.set('idempotency-replayed', 'true');
    send(response, Number(status), location, { ...kept, to });
  }

  return function idempotent(route: IdempotentRoute): RequestHandler {
    return async (request, response) => {
      const key = readKey(request);
      if (key === undefined) return answer(response, await route(request, response, undefined));

      const secret = await numberKey();
      const seed = hash(secret, ownerOf(response), request.method, request.path, key);
      const record = [keys.idempotency(seed)];
      const token = random(8);
      const fingerprint = hash(secret, canonical(request.body));
      const begun = (await runScript('idempotencyBegin', record, [fingerprint, token, RUNNING_TTL_MS])) as string[];
      switch (begun[0]) {
        case 'other_body':
          throw new ProblemError(
            'idempotency-key-reused',
            'this key came with another body; use a new key for a new request',
          );
        case 'in_use':
          throw new ProblemError(
            'idempotency-key-in-use',
            'wait for the answer of the first request, then repeat this one',
            {
              retryAfterMs: 1_000,
            },
          );
        case 'answered': {
          const [, status = '', location = '', body = ''] = begun;
          return replay(response, status, location, body);
        }
        default:
      }
      let reply: Reply;
      try {
        // the body belongs to the name: a key that was freed may come again with another one
        reply = await route(request, response, hash(secret, seed, fingerprint));
      } catch (error) {
        await runScript('idempotencyEnd', record, [token, '', '', '', '']).catch(() => {}); // else it runs out by itself
        throw error;
      }
      // what the route did is stored; when this fails, a repeat finds it by its name
      await runScript(
        'idempotencyEnd',
        [...record, keys.verificationReplies(reply.verification.id)],
        [
          token,
          IDEMPOTENCY_TTL_MS,
          reply.status,
          reply.location ?? '',
          JSON.stringify(verificationView(reply.verification, 'masked')),
          seed,
        ],
      ).catch(() => {});
      answer(response, reply);
    };
  };
}

function answer(response: Response, { status, location = '', verification }: Reply): void {
  send(response, status, location, verificationView(verification, 'full'));
}

function send(response: Response, status: number, location: string, body: VerificationView): void {
  if (location !== '') response.location(location);
  response.status(status).json(body);
}

/** The key as it was meant: the draft's form is a quoted string (RFC 9651), clients often send it bare. */
function readKey(request: Request): string | undefined {
  const header = request.get('idempotency-key')?.trim();
  if (header === undefined) return undefined;
  const key = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header)?.[1]?.replaceAll(/\\(["\\])/g, '$1') ?? header;
  if (key === '' || key.length > MAX_KEY_LENGTH || !/^[\x20-\x7e]+$/.test(key)) {
    const detail = `must be 1 to ${MAX_KEY_LENGTH} visible ASCII characters; a random UUID is a good one`;
    throw invalidRequest([{ pointer: '', code: 'idempotency-key', detail: `the header Idempotency-Key ${detail}` }]);
  }
  return key;
}

/** JSON with its keys in order, so that the same content is the same request. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) =>
      part !== null && typeof part === 'object' && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? ''
  );
}

function hash(secret: string, ...parts: readonly string[]): string {
  const digest = createHmac('sha256', secret);
  for (const part of parts) digest.update(`${part.length}:${part}`);
  return digest.digest('hex').slice(0, 40);
}
