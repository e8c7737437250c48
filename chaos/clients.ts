import type { VerificationView } from '../src/shared/verification-view.ts';
import { pause } from './pause.ts';
import { messageOf, type Provider } from './provider.ts';
import type { Random } from './random.ts';

export const API_KEY = 'a-chaos-secret-of-good-length';

/** What the API said to one request. */
export interface ApiAnswer {
  at: number;
  method: string;
  route: string;
  status: number;
  body: Partial<VerificationView> & {
    code?: string;
    detail?: string;
    verification_id?: string;
    approved?: boolean;
    verification?: VerificationView;
  };
}

/** One submission; a client that gets no clear answer makes another one for the same number. */
export interface Submission {
  reference: string;
  number: string;
  /** Known once the API has answered 202, or a repeat was told that this one is open. */
  id: string | undefined;
  /** Whether a 202 was received, or a 409 that named it. */
  acknowledged: boolean;
}

interface Deps {
  random: Random;
  provider: Provider;
  /** Where APIs listen at this moment. */
  apiUrls: () => readonly string[];
  signal: AbortSignal;
}

type Action =
  | 'check right'
  | 'check wrong'
  | 'check in parallel'
  | 'cancel'
  | 'request text'
  | 'request call'
  | 'next step';

const ANSWER_TIMEOUT_MS = 15_000;
const GIVE_UP_SUBMITTING_MS = 60_000;
const SENDER = '+12025550199';
/** 555-0123 to 555-0199 are kept for fiction in every area code, and are not special in the sandbox. */
const AREA_CODES = [
  201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229, 231, 234,
  239,
];
const FIRST_ENDING = 123;
const ENDINGS = 77;
export const MOST_VERIFICATIONS = AREA_CODES.length * ENDINGS;

/** People who verify their numbers through the API, each in a way of their own that follows from the seed. */
export function createClients({ random, provider, apiUrls, signal }: Deps) {
  const submissions: Submission[] = [];
  const answers = new Map<string, ApiAnswer[]>();
  const oddAnswers: ApiAnswer[] = [];

  /** One request to any API that is up. @returns undefined when no answer came. */
  async function call(draw: Random, method: string, route: string, body?: unknown): Promise<ApiAnswer | undefined> {
    const urls = apiUrls();
    if (urls.length === 0) {
      await pause(100, signal);
      return undefined;
    }
    try {
      const response = await fetch(draw.pick(urls) + route, {
        method,
        headers: {
          authorization: `Bearer ${API_KEY}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
      });
      const answer = {
        at: Date.now(),
        method,
        route,
        status: response.status,
        body: (await response.json()) as ApiAnswer['body'],
      };
      if (answer.status >= 500 && answer.status !== 503) oddAnswers.push(answer);
      return answer;
    } catch {
      signal.throwIfAborted();
      return undefined; // the process died, or the answer took too long
    }
  }

  /** The same, kept with what was said about this verification. */
  async function callAbout(draw: Random, id: string, method: string, rest = '', body?: unknown) {
    const answer = await call(draw, method, `/v1/verifications/${id}${rest}`, body);
    if (answer) answers.set(id, [...(answers.get(id) ?? []), answer]);
    return answer;
  }

  /** Submits until the API says that it is stored. */
  async function submit(n: number, draw: Random): Promise<Submission | undefined> {
    const number = numberOf(n);
    const body = drawVerification(draw);
    const deadline = Date.now() + GIVE_UP_SUBMITTING_MS;
    for (let repeat = 0; Date.now() < deadline; repeat++) {
      const reference = `${n}.${repeat}`;
      const submission: Submission = { reference, number, id: undefined, acknowledged: false };
      submissions.push(submission);
      const answer = await call(draw, 'POST', '/v1/verifications', {
        ...body,
        to: number,
        from: SENDER,
        message: messageOf(reference),
        reference,
      });
      if (answer?.status === 202 && answer.body.id !== undefined) {
        Object.assign(submission, { id: answer.body.id, acknowledged: true });
        return submission;
      }
      if (answer?.status === 409 && answer.body.verification_id !== undefined) {
        const id = answer.body.verification_id; // an earlier one was stored after all
        submissions.pop();
        const stored = await referenceOf(draw, id);
        const earlier = submissions.find((other) => other.reference === stored);
        if (earlier) return Object.assign(earlier, { id, acknowledged: true });
      } else if (answer !== undefined && answer.status !== 503) {
        oddAnswers.push(answer);
      }
      await pause(draw.int(100, 400), signal);
    }
    return undefined;
  }

  async function referenceOf(draw: Random, id: string): Promise<string | undefined> {
    const answer = await callAbout(draw, id, 'GET');
    return answer?.body.reference ?? undefined;
  }

  async function act({ id, reference }: Submission, action: Action, draw: Random): Promise<void> {
    if (id === undefined) return;
    const right = () => draw.pick([...provider.codesOf(reference), '000000']);
    const wrong = () => String(draw.int(0, 999_999)).padStart(6, '0');
    const check = async (code: string) => {
      const answer = await callAbout(draw, id, 'POST', '/checks', { code });
      // what was not judged may be entered again
      if ((answer === undefined || answer.status === 503) && draw.chance(0.5)) {
        await pause(draw.int(200, 1_000), signal);
        await callAbout(draw, id, 'POST', '/checks', { code });
      }
    };
    switch (action) {
      case 'check right':
        return check(provider.codesOf(reference)[0] ?? '000000');
      case 'check wrong':
        return check(wrong());
      case 'check in parallel':
        await Promise.all(Array.from({ length: draw.int(2, 7) }, () => check(draw.chance(0.2) ? right() : wrong())));
        return;
      case 'cancel':
        await callAbout(draw, id, 'POST', '/cancel');
        return;
      case 'request text':
      case 'request call':
        await callAbout(draw, id, 'POST', '/attempts', { channel: action === 'request text' ? 'sms' : 'call' });
        return;
      case 'next step':
        await callAbout(draw, id, 'POST', '/attempts', {});
        return;
      default:
        action satisfies never;
    }
  }

  return {
    submissions: submissions as readonly Submission[],
    /** What the API said about each verification, oldest first. */
    answers: answers as ReadonlyMap<string, readonly ApiAnswer[]>,
    /** Answers that no fault explains. */
    oddAnswers: oddAnswers as readonly ApiAnswer[],

    /** The whole story of the n-th client, beginning at a moment of its own within `withinMs`. */
    async run(n: number, withinMs: number): Promise<void> {
      const draw = random.fork(`client ${n}`);
      await pause(draw.int(0, withinMs), signal);
      const submission = await submit(n, draw);
      if (submission === undefined) return;
      for (const { afterMs, action } of drawActions(draw)) {
        await pause(afterMs, signal);
        await act(submission, action, draw);
      }
    },

    /** One last request about a verification, repeated until it is answered. */
    async insist(id: string, method: 'GET' | 'POST', rest = ''): Promise<ApiAnswer> {
      const draw = random.fork(`insist ${id}`);
      for (;;) {
        const answer = await callAbout(draw, id, method, rest);
        if (answer && answer.status !== 503) return answer;
        await pause(100, signal);
      }
    },
  };
}

function numberOf(n: number): string {
  const area = AREA_CODES[Math.floor(n / ENDINGS)];
  if (area === undefined) throw new RangeError(`there are numbers for ${MOST_VERIFICATIONS} verifications at most`);
  return `+1${area}5550${FIRST_ENDING + (n % ENDINGS)}`;
}

function drawVerification(draw: Random) {
  const steps = draw.int(1, 4);
  return {
    workflow: Array.from({ length: steps }, () => ({
      channel: draw.chance(0.6) ? 'sms' : 'call',
      timeout: draw.weighted([
        [7, 5],
        [3, draw.int(6, 15)],
      ]),
    })),
    expires_in: draw.int(60, 90),
    max_checks: draw.int(1, 10),
  };
}

function drawActions(draw: Random): { afterMs: number; action: Action }[] {
  const count = draw.weighted([
    [3, 0], // never comes back: it expires
    [3, 1],
    [2, 2],
    [2, 4],
  ]);
  return Array.from({ length: count }, () => ({
    afterMs: draw.int(200, 9_000),
    action: draw.weighted<Action>([
      [8, 'check right'],
      [4, 'check wrong'],
      [3, 'check in parallel'],
      [2, 'cancel'],
      [2, 'request text'],
      [2, 'request call'],
      [2, 'next step'],
    ]),
  }));
}
