/** Where a request stands in its caller's trace. Both ids are lower-case hex. */
export interface TraceContext {
  /** 32 digits. */
  traceId: string;
  /** 16 digits: the caller's own span. */
  parentId: string;
  /** Whether the caller records it. */
  sampled: boolean;
}

const TRACEPARENT =
  /^(?<version>[0-9a-f]{2})-(?<traceId>[0-9a-f]{32})-(?<parentId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<more>-.*)?$/;
const SAMPLED = 0x01;

/**
 * Reads the header `traceparent`; undefined when it is missing or malformed, which counts as missing. Of a version later
 * than 00 the known part is read.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function parseTraceparent(header: string | undefined): TraceContext | undefined {
  const { version, traceId, parentId, flags, more } = TRACEPARENT.exec(header ?? '')?.groups ?? {};
  if (version === undefined || traceId === undefined || parentId === undefined || flags === undefined) return undefined;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 };
}

/** The header `traceparent` that {@link parseTraceparent} reads. */
export function formatTraceparent({ traceId, parentId, sampled }: TraceContext): string {
  return `00-${traceId}-${parentId}-${sampled ? '01' : '00'}`;
}
