import type { Config } from './config.ts';
import { type Origin, setOffBy } from './origin.ts';

export type SpanKind = 'server' | 'consumer' | 'client';
/** Ids, names and counts; never a number, a code or an address. */
export type Attributes = Record<string, string | number | boolean>;

/** One piece of work in a trace, from its beginning to its end. */
export interface Span {
  /** What follows from this work is its child; undefined while nothing is traced. */
  origin: Origin | undefined;
  set(attributes: Attributes): void;
  rename(name: string): void;
  /** Marks it as failed. @param reason - a name, not what was said. */
  fail(reason: string): void;
  end(): void;
}

export interface Tracing {
  /** Begins a piece of work, the child of what is under way; see `currentOrigin`. */
  begin(name: string, kind: SpanKind, attributes?: Attributes): Span;
  /** Sends what is left. */
  close(): Promise<void>;
}

const UNTRACED: Span = { origin: undefined, set() {}, rename() {}, fail() {}, end() {} };

/** Traces nothing: what arrives with a trace is passed on in it all the same. */
export const NO_TRACING: Tracing = { begin: () => UNTRACED, close: async () => {} };

/** Traces as configured. OpenTelemetry is only loaded when somebody wants its spans. */
export async function createTracing(config: Config['tracing'], process: 'api' | 'worker'): Promise<Tracing> {
  if (config === undefined) return NO_TRACING;
  const { createOtlpTracing } = await import('./otlp-tracing.ts');
  return createOtlpTracing(config, process);
}

/** Does work as a span of its own. What goes wrong in it the work tells itself: not every error is a failure. */
export async function inSpan<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await setOffBy(span.origin, work);
  } finally {
    span.end();
  }
}
