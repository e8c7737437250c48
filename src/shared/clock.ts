/** Milliseconds since the Unix epoch, on Redis's clock where a process has synchronised with it. */
export type EpochMs = number;

/** Where "now" comes from; passed in, so that tests move it and no module reads the machine's clock. */
export interface Clock {
  now(): EpochMs;
}
