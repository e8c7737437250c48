import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const source = (name: string) => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');

const SCRIPTS = {
  saveEndpoint: source('save-endpoint'),
  saveVerification: source('save-verification'),
  recordCallbacks: source('record-callbacks'),
  saveCallback: source('save-callback'),
  beginErasure: source('begin-erasure'),
  eraseVerification: source('erase-verification'),
  eraseAnswers: source('erase-answers'),
  endErasure: source('end-erasure'),
  forgetActive: source('forget-active'),
  idempotencyBegin: source('idempotency-begin'),
  idempotencyEnd: source('idempotency-end'),
  lookAgain: source('look-again'),
  markRecord: source('mark-record'),
  noteDelivery: source('note-delivery'),
  takeAllowance: source('take-allowance'),
  noteRateLimited: source('note-rate-limited'),
  takeTurn: source('take-turn'),
  saveApiKey: source('save-api-key'),
  countOutcome: source('count-outcome'),
  readConversion: source('read-conversion'),
  noteNumber: source('note-number'),
  blockPrefix: source('block-prefix'),
  bookSpending: source('book-spending'),
  recordDecision: source('record-decision'),
  noteApiKeyUse: source('note-api-key-use'),
  signInBegin: source('sign-in-begin'),
  signInEnd: source('sign-in-end'),
};
type ScriptName = keyof typeof SCRIPTS;

/** Runs one of Ringback's scripts; each one's header says what its keys, arguments and replies mean. */
export type RunScript = (
  name: ScriptName,
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<unknown>;

/**
 * Registers the scripts on a connection. ioredis sends a script again after a reconnect, so each must bear being
 * repeated: that is what versions and operation tokens are for.
 */
export function createRunScript(redis: Redis): RunScript {
  for (const [name, lua] of Object.entries(SCRIPTS)) redis.defineCommand(name, { lua });
  const commands = redis as unknown as Record<ScriptName, (...args: (string | number)[]) => Promise<unknown>>;
  return (name, keys, args) => commands[name](keys.length, ...keys, ...args);
}
