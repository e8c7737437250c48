import type { CallbackId, ErasureId, VerificationId } from './ids.ts';
import { type PartitionName, ROOT_PARTITION } from './partitions.ts';

/**
 * The names of everything Ringback keeps in Redis. All keys of one partition share a hash tag, so that one script
 * may touch them and a Redis Cluster keeps them in one slot.
 */
export interface Keys {
  /** The same names in another partition. */
  inPartition(name: PartitionName): Keys;
  /** BullMQ's prefix: its keys read `{ringback:0}:sms:wait`. */
  readonly queuePrefix: string;
  /** STRING: one verification and its story; see `record.ts`. */
  verification(id: VerificationId): string;
  /** LIST of callback ids of one verification, oldest first. */
  verificationCallbacks(id: VerificationId): string;
  /** SET of the hashes under which {@link Keys.idempotency} keeps answers that tell of one verification. */
  verificationReplies(id: VerificationId): string;
  /** STRING: one callback and its body; see `record.ts`. */
  callback(id: CallbackId): string;
  /** ZSET verification id → epoch ms of its making: all of one key name, those for one number, those with one reference. */
  verificationsOf(owner: string): string;
  verificationsByNumber(owner: string, numberHash: string): string;
  verificationsByReference(owner: string, referenceHash: string): string;
  /** Channel: a verification changed; `id version`. */
  readonly changes: string;
  /** ZSET callback id → epoch ms of its making: all callbacks of one key name. */
  callbacksOf(owner: string): string;
  /** ZSET callback id → epoch ms of its making: those of one endpoint, or of one key name's other targets. */
  callbacksOfTarget(target: string): string;
  /** HASH endpoint id → doc: the endpoints of one key name. */
  endpoints(owner: string): string;
  /** STRING: counts the changes to them. */
  endpointsVersion(owner: string): string;
  /** HASH `since`, `count`: how long and how often an endpoint has only failed. */
  endpointFailures(id: string): string;
  /** STRING: the open verification of one key name for one number. */
  active(owner: string, numberHash: string): string;
  /** HASH of a request that was made with an idempotency key. */
  idempotency(hash: string): string;
  /** ZSET verification id → epoch ms: when somebody must look at it next. */
  readonly due: string;
  /** ZSET callback id → epoch ms: undelivered callbacks and when each is due. */
  readonly dueCallbacks: string;
  /** HASH `owner`, `number` (its hash, until it is complete), `created`, `completed`, and what was erased, in numbers. */
  erasure(id: ErasureId): string;
  /** ZSET erasure id → epoch ms of its making: those that are not complete. */
  readonly dueErasures: string;
  /** ZSET number hash → epoch ms: numbers that met a 429 on this channel lately. */
  rateLimited(channel: string): string;
  /** STRING with an expiry: turns that a channel has taken in this window, over all partitions. */
  turns(channel: string): string;
  /** STRING with an expiry: trouble that `readyz` reports as degraded. */
  degraded(what: string): string;
  /** STRING: written after what replicas must have. */
  readonly replicationMark: string;
  /** STRING with an expiry: who reconciles at the moment. */
  readonly reconcilerLease: string;
  /** ZSET token of a request → epoch ms at which it was counted: one limit, for one subject (a hash, a prefix, a name). */
  allowance(limit: string, subject: string): string;
  /** ZSET keyed hash of a network → epoch ms at which the number was last approved from it. */
  familiar(numberHash: string): string;
  /** STRING: the key of the number hash, when none is configured. */
  readonly numberKey: string;
  /** HASH `doc`, `expires_at`, `revoked_at`, `last_used_day`: one API key. */
  apiKey(id: string): string;
  /** ZSET API key id → epoch ms of its making. */
  readonly apiKeys: string;
  /** Channel: an API key was made or changed; its id. */
  readonly apiKeyChanges: string;
  /** HASH `name|label|…` → count: what was counted together in one hour, since the epoch; see `tallies.ts`. */
  tally(kind: string, hour: number): string;
  /** STREAM of `doc`: who did what. */
  readonly audit: string;
  /** HASH: outcomes of verifications by minute, for a prefix of numbers or a country. */
  conversion(subject: string): string;
  /** ZSET last four digits → epoch ms: numbers lately asked for, by a keyed hash of the rest. */
  numberRun(prefixHash: string): string;
  /** STRING: the operator was told what the guard thinks of a prefix or a country. */
  guardTold(subject: string, level: string): string;
  /** HASH prefix → doc: prefixes of numbers that are blocked for a time. */
  readonly prefixBlocks: string;
  /** HASH: what is spent on a day, and which shares of the budgets were told. */
  spending(day: string): string;
  /** STREAM of `doc`: what limits, rules and the guard decided; all of it, and what concerns one key name. */
  readonly decisions: string;
  decisionsOf(owner: string): string;
  /** STRING: one session of `/admin`, by the hash of its token. */
  adminSession(hash: string): string;
  /** HASH `count`, `until`: failed sign-ins from a place, and as a user from places that are not the user's. */
  signInFailures(of: string): string;
  /** STRING: this place has signed in as this user. */
  signInPlace(user: string, place: string): string;
}

/** Key names of a partition. @param root - what the hash tag starts with; tests pass their own. */
export function createKeys(root = 'ringback', partition: PartitionName = ROOT_PARTITION): Keys {
  const tag = `{${root}:${partition}}`;
  return {
    inPartition: (name) => createKeys(root, name),
    queuePrefix: tag,
    verification: (id) => `${tag}:verification:${id}`,
    verificationCallbacks: (id) => `${tag}:verification:${id}:callbacks`,
    verificationReplies: (id) => `${tag}:verification:${id}:replies`,
    callback: (id) => `${tag}:callback:${id}`,
    verificationsOf: (owner) => `${tag}:verifications:${owner}`,
    verificationsByNumber: (owner, numberHash) => `${tag}:verifications:${owner}:number:${numberHash}`,
    verificationsByReference: (owner, hash) => `${tag}:verifications:${owner}:reference:${hash}`,
    changes: `${tag}:changes`,
    callbacksOf: (owner) => `${tag}:callbacks:${owner}`,
    callbacksOfTarget: (target) => `${tag}:target-callbacks:${target}`,
    endpoints: (owner) => `${tag}:endpoints:${owner}`,
    endpointsVersion: (owner) => `${tag}:endpoints-version:${owner}`,
    endpointFailures: (id) => `${tag}:endpoint-failures:${id}`,
    active: (owner, numberHash) => `${tag}:active:${owner}:${numberHash}`,
    idempotency: (hash) => `${tag}:idempotency:${hash}`,
    due: `${tag}:due`,
    dueCallbacks: `${tag}:due-callbacks`,
    erasure: (id) => `${tag}:erasure:${id}`,
    dueErasures: `${tag}:due-erasures`,
    rateLimited: (channel) => `${tag}:rate-limited:${channel}`,
    turns: (channel) => `${tag}:turns:${channel}`,
    degraded: (what) => `${tag}:degraded:${what}`,
    replicationMark: `${tag}:replication-mark`,
    reconcilerLease: `${tag}:reconciler-lease`,
    allowance: (limit, subject) => `${tag}:limit:${limit}:${subject}`,
    familiar: (numberHash) => `${tag}:familiar:${numberHash}`,
    numberKey: `${tag}:number-key`,
    apiKey: (id) => `${tag}:api-key:${id}`,
    apiKeys: `${tag}:api-keys`,
    apiKeyChanges: `${tag}:api-key-changes`,
    tally: (kind, hour) => `${tag}:tally:${kind}:${hour}`,
    audit: `${tag}:audit`,
    conversion: (subject) => `${tag}:conversion:${subject}`,
    numberRun: (prefixHash) => `${tag}:number-run:${prefixHash}`,
    guardTold: (subject, level) => `${tag}:guard-told:${subject}:${level}`,
    prefixBlocks: `${tag}:prefix-blocks`,
    spending: (day) => `${tag}:spending:${day}`,
    decisions: `${tag}:decisions`,
    decisionsOf: (owner) => `${tag}:decisions:${owner}`,
    adminSession: (hash) => `${tag}:admin-session:${hash}`,
    signInFailures: (of) => `${tag}:sign-in-failures:${of}`,
    signInPlace: (user, place) => `${tag}:sign-in-place:${user}:${place}`,
  };
}
