import { describe, expect, it } from 'vitest';
import { audit, type Broken, type Evidence } from '../chaos/audit.ts';
import type { Delivery } from '../chaos/receiver.ts';
import type { SandboxRequest } from '../src/sandbox/sandbox.ts';
import { Verification } from '../src/shared/verification.ts';
import { type VerificationView, verificationView } from '../src/shared/verification-view.ts';

const ID = 'ver_00aa';
const NUMBER = '+12015550123';
const CREATED = Date.parse('2026-01-01T00:00:00Z');

interface Story {
  /** What Redis holds, apart from an approved verification with one code. */
  stored?: Record<string, unknown>;
  sends?: Partial<SandboxRequest>[];
  checks?: { request: SandboxRequest; counted: boolean }[];
  deliveries?: Delivery[];
  evidence?: Partial<Evidence>;
}

const send = (changes: Partial<SandboxRequest> = {}) =>
  ({
    at: CREATED + 100,
    operation: 'sms',
    to: NUMBER,
    body: { valid_for: 59 },
    accepted: true,
    ...changes,
  }) as SandboxRequest;

const rightCheck = {
  request: { operation: 'verify', to: NUMBER, id: 'mfa', accepted: true } as SandboxRequest,
  counted: true,
};

function delivery(sequence: number, type: string, changes: { eventId?: string; taken?: boolean } = {}): Delivery {
  const body = {
    type,
    timestamp: '',
    data: { sequence, verification: { id: ID, status: 'approved', reason: null, to: '' } },
  };
  return { at: CREATED, eventId: `evt_${sequence}`, raw: JSON.stringify(body), body, taken: true, ...changes };
}

const SENT = delivery(1, 'verification.attempt.sent');
const APPROVED = delivery(2, 'verification.approved');

/** What the audit finds in a run of one verification that was approved after one code, but for what a test changes. */
function findings({
  stored = {},
  sends = [send()],
  checks = [rightCheck],
  deliveries = [SENT, APPROVED],
  evidence = {},
}: Story) {
  const attempt = {
    id: 'att_00aa00',
    step: 0,
    channel: 'sms',
    trigger: 'initial',
    status: 'sent',
    tries: 1,
    countedTries: 0,
    error: null,
    startedAt: CREATED,
    sentAt: CREATED + 200,
    nextTryAt: CREATED,
    flight: null,
    lostToken: null,
    mfaId: 'mfa',
    spent: false,
  };
  const v = Verification.parse({
    schema: 1,
    id: ID,
    owner: 'chaos',
    to: NUMBER,
    masked: '+1••••••••23',
    numberHash: 'hash',
    country: 'US',
    from: null,
    message: null,
    codeLength: 6,
    codeType: 'numeric',
    callbackUrl: null,
    reference: '0.0',
    metadata: {},
    workflow: [{ channel: 'sms' }],
    currentStep: 0,
    stepStartedAt: CREATED,
    timerAt: null,
    attempts: [attempt],
    sends: 1,
    maxSends: 4,
    checks: { used: 1, max: 5, inFlight: [] },
    sequence: 2,
    lastTryMisconfigured: false,
    createdAt: CREATED,
    expiresAt: CREATED + 60_000,
    status: 'approved',
    reason: null,
    closedAt: CREATED + 5_000,
    ...stored,
  });
  const result = audit({
    maxSends: 4,
    submissions: [{ reference: '0.0', number: NUMBER, id: ID, acknowledged: true }],
    stored: new Map([[ID, v]]),
    overdue: new Set(),
    shown: new Map([[ID, verificationView(v, 'full')]]),
    answers: new Map(),
    sends: new Map([['0.0', sends as SandboxRequest[]]]),
    checks,
    deliveries,
    ...evidence,
  });
  return result.findings.map(({ broken }) => broken);
}

const view = (changes: Partial<VerificationView>) => changes as VerificationView;

describe('the audit of a chaos run', () => {
  it('finds nothing wrong where nothing is', () => {
    expect(findings({})).toEqual([]);
  });

  it.for<[what: string, broken: Broken, story: Story]>([
    ['one that is not in Redis', 'lost', { evidence: { stored: new Map() } }],
    ['one that GET does not find', 'lost', { evidence: { shown: new Map() } }],
    ['one that stayed open', 'stuck', { stored: { status: 'pending', closedAt: null }, checks: [] }],
    [
      'a code too many',
      'over the send limit',
      { stored: { sends: 5 }, sends: Array.from({ length: 5 }, () => send()) },
    ],
    ['a code that was not counted', 'uncounted sends', { sends: [send(), send()] }],
    [
      'a request long after the close',
      'sent after the close',
      { sends: [send({ at: CREATED + 8_000, body: { valid_for: 52 } })] },
    ],
    ['a request with too little time left', 'sent too late to be used', { sends: [send({ body: { valid_for: 29 } })] }],
    ['a code that outlives it', 'sent too late to be used', { sends: [send({ body: { valid_for: 70 } })] }],
    ['an event that was never delivered', 'callbacks lost', { deliveries: [APPROVED] }],
    ['an event that was only refused', 'callbacks lost', { deliveries: [{ ...SENT, taken: false }, APPROVED] }],
    ['a sequence under two ids', 'callbacks changed', { deliveries: [SENT, { ...SENT, eventId: 'evt_9' }, APPROVED] }],
    [
      'an event after the closing one',
      'callbacks changed',
      { deliveries: [SENT, APPROVED, delivery(3, 'verification.fallback')] },
    ],
    ['an approval that no code explains', 'approved without a right code', { checks: [] }],
    ['a check too many', 'over the check limit', { stored: { checks: { used: 6, max: 5, inFlight: [] } } }],
    [
      'an answer that did not stay true',
      'changed after the close',
      {
        evidence: {
          answers: new Map([
            [
              ID,
              [
                {
                  at: CREATED,
                  method: 'GET',
                  route: '',
                  status: 200,
                  body: view({ status: 'canceled', closed_at: '2026' }),
                },
              ],
            ],
          ]),
        },
      },
    ],
  ])('finds %s', ([, broken, story]) => {
    expect(findings(story)).toContain(broken);
  });

  it('counts an event that came twice as a duplicate, and as nothing worse', () => {
    expect(findings({ deliveries: [SENT, SENT, APPROVED] })).toEqual([]);
  });
});
