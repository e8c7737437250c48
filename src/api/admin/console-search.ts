import type { CallbackStore } from '../../shared/callback-store.ts';
import { callbackView } from '../../shared/callback-view.ts';
import { type CallbackId, isCallbackId, isVerificationId, type VerificationId } from '../../shared/ids.ts';
import { hashNumber, judgeNumber } from '../../shared/phone-number.ts';
import { isClosed, type Verification } from '../../shared/verification.ts';
import type { VerificationIndex, VerificationStore } from '../../shared/verification-store.ts';
import { verificationView } from '../../shared/verification-view.ts';
import type { Timeline } from '../get-timeline.ts';
import type { NumberKey } from '../number-key.ts';
import { ProblemError } from '../problems.ts';

/** As many as one looks through. */
const MOST_FOUND = 50;
/** How people set off the digits of a number. */
const PUNCTUATION = /[\s().\-/]/g;

interface Deps {
  store: Pick<VerificationStore, 'read' | 'newestFirst'>;
  callbacks: Pick<CallbackStore, 'read' | 'ofVerification'>;
  timeline: Pick<Timeline, 'read'>;
  numberKey: NumberKey;
  /** All names that verifications may belong to. */
  owners: () => Promise<string[]>;
}

/** Builds the search over all key names, and the view of one verification. No full number leaves them. */
export function createConsoleSearch({ store, callbacks, timeline, numberKey, owners }: Deps) {
  async function byIndex(index: VerificationIndex): Promise<VerificationId[]> {
    const names = await owners();
    const found = await Promise.all(names.map((owner) => store.newestFirst(owner, index, undefined, MOST_FOUND)));
    return found
      .flat()
      .sort((a, b) => b.at - a.at)
      .map(({ id }) => id);
  }

  async function idsFor(wanted: string): Promise<VerificationId[]> {
    if (isVerificationId(wanted)) return [wanted];
    if (isCallbackId(wanted)) {
      const owed = await callbacks.read(wanted);
      return owed?.callback.verificationId ? [owed.callback.verificationId] : [];
    }
    const judged = judgeNumber(wanted.replace(PUNCTUATION, ''));
    const byNumber = judged.ok ? await byIndex({ numberHash: hashNumber(await numberKey(), judged.number) }) : [];
    return [...byNumber, ...(await byIndex({ reference: wanted }))];
  }

  return {
    /** Verifications with this id, reference or number, or of the callback with this id, the newest first. */
    async search(wanted: string) {
      const ids = [...new Set(await idsFor(wanted))].slice(0, MOST_FOUND);
      const records = await Promise.all(ids.map((id) => store.read(id)));
      return records.flatMap((record) => (record ? [summary(record.verification)] : []));
    },

    /** One verification with its story and its callbacks. @throws {ProblemError} `not-found` */
    async story(id: unknown) {
      const record = typeof id === 'string' && isVerificationId(id) ? await store.read(id) : undefined;
      if (record === undefined) throw new ProblemError('not-found', 'there is no such verification');
      const entries = await timeline.read(id, record.verification.owner); // time may change it
      const { verification } = (await store.read(record.verification.id as VerificationId)) ?? record;
      const owed = await Promise.all((await callbacks.ofVerification(verification.id)).map((cb) => callbacks.read(cb)));
      return {
        verification: summary(verification),
        timeline: entries,
        callbacks: owed.flatMap((stored) => (stored ? [shortCallback(callbackView(stored.callback))] : [])),
      };
    },
  };
}

/** Without metadata, which is the client's own affair. */
function summary(v: Verification) {
  const { metadata: _unseen, object: _object, ...view } = verificationView(v, 'masked');
  return { ...view, owner: v.owner, country: v.country, open: !isClosed(v) };
}

/** Of the target only the host, and no answers: paths and answers may hold anything. */
function shortCallback(view: ReturnType<typeof callbackView>) {
  return {
    id: view.id as CallbackId,
    type: view.type,
    status: view.status,
    host: URL.canParse(view.url) ? new URL(view.url).host : '',
    deliveries: view.deliveries.map(({ at, http_status, detail, latency_ms }) => ({
      at,
      http_status,
      detail,
      latency_ms,
    })),
    next_delivery_at: view.next_delivery_at,
  };
}
