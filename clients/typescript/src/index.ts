export {
  createRingback,
  type EventsOptions,
  type Listing,
  type Page,
  type Ringback,
  type WaitOptions,
} from './client.ts';
export { type AnyRingbackError, type ClientCode, type ErrorCode, isRingbackError, RingbackError } from './errors.ts';
export * from './openapi-types.ts';
export type { CallOptions, ClientOptions, IdempotentOptions } from './transport.ts';
export {
  type CallbackFault,
  CallbackSignatureError,
  type SignedCallback,
  type VerifiedCallback,
  verifyCallback,
} from './verify-callback.ts';
