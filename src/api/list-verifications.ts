import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { Clock } from '../shared/clock.ts';
import type { VerificationId } from '../shared/ids.ts';
import { type E164, hashNumber } from '../shared/phone-number.ts';
import { ClosedStatus, isClosed, OpenStatus } from '../shared/verification.ts';
import type { VerificationIndex, VerificationStore } from '../shared/verification-store.ts';
import { verificationView } from '../shared/verification-view.ts';
import type { Verifications } from '../shared/verifications.ts';
import { ownerOf } from './authenticate.ts';
import type { NumberKey } from './number-key.ts';
import { collectPage } from './pages.ts';
import { parseBody, parseQuery } from './read-json.ts';
import { PhoneNumber } from './schemas.ts';

const Status = z.enum([...OpenStatus.options, ...ClosedStatus.options]);
const Limit = z.int().min(1, 'must be 1 to 100').max(100, 'must be 1 to 100');

/** The query of `GET /v1/verifications`. */
export const ListVerifications = z.strictObject({
  status: Status.optional(),
  reference: z.string().min(1).max(128).optional(),
  limit: z.coerce.number().pipe(Limit).optional(),
  cursor: z.string().optional(),
});

/** Body of `POST /v1/verifications/search`: a number stands in no URL. */
export const SearchVerifications = z
  .strictObject({ to: PhoneNumber, status: Status.optional(), limit: Limit.optional(), cursor: z.string().optional() })
  .meta({ id: 'SearchVerifications' });

interface Deps {
  store: VerificationStore;
  verifications: Verifications;
  numberKey: NumberKey;
  clock: Clock;
}

/** Builds the lists of an owner's verifications. */
export function createListRoutes({ store, verifications, numberKey, clock }: Deps) {
  async function page(
    owner: string,
    index: VerificationIndex,
    {
      status,
      limit = 20,
      cursor,
    }: { status?: string | undefined; limit?: number | undefined; cursor?: string | undefined },
  ) {
    const read = async (id: VerificationId) => {
      let verification = (await store.read(id))?.verification;
      if (verification && !isClosed(verification) && clock.now() >= verification.expiresAt) {
        verification = (await verifications.update(id, { type: 'tick' }))?.stored.verification; // no job has noticed yet
      }
      if (verification?.owner !== owner || (status && verification.status !== status)) return undefined;
      return verificationView(verification, 'full');
    };
    return {
      object: 'list',
      ...(await collectPage(
        { next: (from, count) => store.newestFirst(owner, index, from, count), read },
        limit,
        cursor,
      )),
    };
  }

  return {
    /** `GET /v1/verifications` */
    list: (async (request, response) => {
      const query = parseQuery(ListVerifications, request.query);
      const index = query.reference === undefined ? {} : { reference: query.reference };
      response.json(await page(ownerOf(response), index, query));
    }) satisfies RequestHandler,

    /** `POST /v1/verifications/search` */
    search: (async (request, response) => {
      const body = parseBody(SearchVerifications, request.body);
      const numberHash = hashNumber(await numberKey(), body.to as E164);
      response.json(await page(ownerOf(response), { numberHash }, body));
    }) satisfies RequestHandler,
  };
}
