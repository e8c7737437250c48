import { createHmac } from 'node:crypto';
import { hashClient, hashLimitKey } from '../shared/client-network.ts';
import type { Clock } from '../shared/clock.ts';
import type { Config } from '../shared/config.ts';
import { newVerificationId, type RandomHex } from '../shared/ids.ts';
import { currentOrigin } from '../shared/origin.ts';
import { countryOf, type E164, hashNumber, maskNumber, numberTypeOf, slotOf } from '../shared/phone-number.ts';
import type { Applicant } from '../shared/screening.ts';
import type { TestNumbers } from '../shared/test-numbers.ts';
import type { OpenVerification } from '../shared/verification.ts';
import type { NumberKey } from './number-key.ts';
import { type CreateVerification, withDefaults } from './schemas.ts';

/** What a submission asks for: the verification as it would be stored, and who is to be judged for it. */
export interface Draft {
  verification: OpenVerification;
  applicant: Applicant;
}

/** @param seed - the id follows from it, so that a repeated request finds what it stored. */
export type DraftVerification = (body: CreateVerification, owner: string, seed?: string) => Promise<Draft>;

interface Deps {
  config: Config;
  clock: Clock;
  numberKey: NumberKey;
  testNumbers: TestNumbers;
  random: RandomHex;
}

/** Builds the reading of a checked submission; nothing is stored yet. */
export function createDraftVerification({ config, clock, numberKey, testNumbers, random }: Deps): DraftVerification {
  return async function draftVerification(body, owner, seed) {
    const key = await numberKey();
    const now = clock.now();
    const to = body.to as E164;
    const numberHash = hashNumber(key, to);
    const filled = withDefaults(body, config);
    const fixedCode = testNumbers.find(to)?.code; // has its own length and alphabet, whatever was asked for
    const client = body.client_ip === undefined ? undefined : hashClient(key, body.client_ip);
    const rateLimitKeys =
      body.rate_limit_keys &&
      Object.fromEntries(
        Object.entries(body.rate_limit_keys).map(([name, value]) => [name, hashLimitKey(key, name, value)]),
      );
    const verification: OpenVerification = {
      schema: 1,
      id: newVerificationId(slotOf(numberHash), seed === undefined ? random : () => seededHex(key, seed)),
      owner,
      to,
      masked: maskNumber(to),
      numberHash,
      country: countryOf(to) ?? null,
      ...(client !== undefined && { client }),
      ...(rateLimitKeys !== undefined && { rateLimitKeys }),
      origin: currentOrigin(),
      from: filled.from,
      message: body.message ?? null,
      codeLength: fixedCode?.length ?? filled.codeLength,
      codeType: fixedCode === undefined ? filled.codeType : /^\d+$/.test(fixedCode) ? 'numeric' : 'alphanumeric',
      callbackUrl: body.callback_url ?? null,
      reference: body.reference ?? null,
      metadata: body.metadata ?? {},
      workflow: filled.workflow.map(({ channel, timeout }) => ({ channel, ...(timeout !== undefined && { timeout }) })),
      currentStep: 0,
      stepStartedAt: now,
      timerAt: null,
      attempts: [],
      sends: 0,
      maxSends: config.sending.maxSends,
      checks: { used: 0, max: filled.maxChecks, inFlight: [] },
      sequence: 0,
      lastTryMisconfigured: false,
      createdAt: now,
      expiresAt: now + filled.expiresInMs,
      status: 'queued',
      reason: null,
      closedAt: null,
    };
    const channels = verification.workflow.map(({ channel }) => channel);
    const applicant = {
      ...applicantFor(verification),
      kind: 'submission',
      token: verification.id,
      channels,
      now,
    } as const;
    return { verification, applicant };
  };
}

/** What a verification tells about who asked for it. */
export function applicantFor(v: OpenVerification) {
  return {
    owner: v.owner,
    to: v.to,
    masked: v.masked,
    numberHash: v.numberHash,
    country: v.country,
    numberType: numberTypeOf(v.to),
    client: v.client ?? null,
    rateLimitKeys: v.rateLimitKeys ?? {},
    replaces: false,
  };
}

/** The random part of an id that follows from a seed. */
function seededHex(key: string, seed: string): string {
  return createHmac('sha256', key).update(`idempotency:${seed}`).digest('hex').slice(0, 32);
}
