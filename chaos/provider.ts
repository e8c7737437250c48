import type { Outcome } from '../src/sandbox/behaviour.ts';
import { createSandbox, type SandboxRequest } from '../src/sandbox/sandbox.ts';
import type { Random } from './random.ts';

export const PROJECT_KEY = 'chaos-project';
export const TOKEN = 'chaos-token';

/** What a submission's message starts with; its reference follows, so that every request can be told to its submission. */
const MESSAGE = /^Chaos (\d+\.\d+):$/;
export const messageOf = (reference: string) => `Chaos ${reference}:`;

export type ProviderMood = 'moody' | 'silent' | 'well';
export type Provider = Awaited<ReturnType<typeof startProvider>>;

const json = (status: number, body: unknown = { error: 'chaos' }): Outcome => ({ status, body });
const refused = (code: string): Outcome => ({
  status: 422,
  body: { errors: [{ type: 'validation_error', code, message: 'chaos', attribute: 'to', url: '' }] },
});

/** Every row of the sending table, and how often it is met. No answer lies: a 503 or a refusal was not carried out. */
const SEND_OUTCOMES: readonly (readonly [weight: number, outcome: Outcome])[] = [
  [60, 'accept'],
  [10, { delayMs: 400 }],
  [3, { delayMs: 1_500 }], // after the worker's own timeout
  [2, 'accept-without-id'],
  [3, 'accept-then-hang'],
  [3, 'accept-then-cut'],
  [2, 'accept-then-truncate'],
  [2, 'hang'],
  [2, 'cut'],
  [2, 'success-false'],
  [2, refused('not_routable')],
  [1, refused('insufficient_balance')],
  [2, { status: 429, headers: { 'retry-after': '1' }, body: {} }],
  [4, json(503)],
  [2, json(500)],
  [2, { ...(json(500) as object), accept: true }],
  [1, json(408)],
  [1, json(400)],
  [0.5, json(401)],
  [0.5, { status: 302, headers: { location: '/elsewhere' }, raw: '' }],
];

const CHECK_OUTCOMES: readonly (readonly [weight: number, outcome: Outcome])[] = [
  [80, 'accept'],
  [8, { delayMs: 300 }],
  [3, 'accept-then-cut'],
  [2, 'cut'],
  [1, 'accept-then-hang'],
  [3, json(503)],
  [2, json(500)],
  [1, { status: 429, headers: { 'retry-after': '1' }, body: {} }],
];

/** A SignalWire with bad days: the sandbox, whose outcomes follow from the seed, and a record of every request. */
export async function startProvider(random: Random) {
  const sandbox = createSandbox({ projectKey: PROJECT_KEY, token: TOKEN });
  const url = await sandbox.listen();
  const sends = new Map<string, SandboxRequest[]>();
  const checks: { request: SandboxRequest; counted: boolean }[] = [];
  const asked = new Map<string, number>();
  let mood: ProviderMood = 'moody';
  let isUp = true;

  function draw(key: string, outcomes: typeof SEND_OUTCOMES): Outcome {
    if (mood === 'silent') return 'hang';
    if (mood === 'well') return 'accept';
    const count = (asked.get(key) ?? 0) + 1;
    asked.set(key, count);
    return random.fork(`${key} ${count}`).weighted(outcomes);
  }

  sandbox.behave({}, (request) => {
    const reference = referenceOf(request);
    const list = sends.get(reference) ?? [];
    sends.set(reference, [...list, request]);
    return draw(`${reference} ${request.operation}`, SEND_OUTCOMES);
  });
  sandbox.behave({ operation: 'verify' }, (request) => {
    const outcome = draw(`${request.to} check`, CHECK_OUTCOMES);
    checks.push({ request, counted: isCarriedOut(outcome) });
    return outcome;
  });

  return {
    url,
    /** Every text and call that was asked for, by the reference of the submission; `accepted` says what became of it. */
    sends: sends as ReadonlyMap<string, readonly SandboxRequest[]>,
    /** Every check that SignalWire was asked about; `counted` unless it was turned away. */
    checks: checks as readonly { request: SandboxRequest; counted: boolean }[],

    /** The codes that were sent for a submission, the newest first, with the ids that name them. */
    codesOf: (reference: string) =>
      (sends.get(reference) ?? []).flatMap(({ accepted, code }) => (accepted && code ? [code] : [])).reverse(),

    setMood(next: ProviderMood): void {
      mood = next;
    },

    async goDown(): Promise<void> {
      if (isUp) await sandbox.goDown();
      isUp = false;
    },

    async comeBack(): Promise<void> {
      if (!isUp) await sandbox.comeBack();
      isUp = true;
    },

    close: () => (isUp ? sandbox.close() : Promise.resolve()),
  };
}

function referenceOf(request: SandboxRequest): string {
  const { message } = request.body as { message?: string };
  return MESSAGE.exec(message ?? '')?.[1] ?? 'without reference';
}

/** Whether a check is judged by this outcome, whatever the client gets to see of it. */
function isCarriedOut(outcome: Outcome): boolean {
  if (typeof outcome === 'string') return outcome.startsWith('accept');
  return outcome.status === undefined;
}
