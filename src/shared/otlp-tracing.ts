import { SpanKind as OtelKind, ROOT_CONTEXT, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Config } from './config.ts';
import { currentOrigin } from './origin.ts';
import { formatTraceparent, parseTraceparent } from './trace-context.ts';
import type { SpanKind, Tracing } from './tracing.ts';
import { VERSION } from './version.ts';

const KINDS = { server: OtelKind.SERVER, consumer: OtelKind.CONSUMER, client: OtelKind.CLIENT } satisfies Record<
  SpanKind,
  OtelKind
>;

/**
 * Spans as OTLP over HTTP. Nothing is registered globally and no library is instrumented: spans are begun by hand where
 * their meaning is known, and their parents come from the origin of the work. Whether a trace is recorded is the caller's
 * choice where there is one; every other one is.
 */
export function createOtlpTracing({ url }: NonNullable<Config['tracing']>, process: 'api' | 'worker'): Tracing {
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': `ringback-${process}`, 'service.version': VERSION }))
      .merge(detectResources({ detectors: [envDetector] })), // OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(url === undefined ? {} : { url }) })],
  });
  const tracer = provider.getTracer('ringback', VERSION);

  return {
    begin(name, kind, attributes = {}) {
      const parent = parseTraceparent(currentOrigin().traceparent);
      const context = parent
        ? trace.setSpanContext(ROOT_CONTEXT, {
            traceId: parent.traceId,
            spanId: parent.parentId,
            traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
            isRemote: true,
          })
        : ROOT_CONTEXT;
      const span = tracer.startSpan(name, { kind: KINDS[kind], attributes }, context);
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        origin: {
          traceparent: formatTraceparent({
            traceId,
            parentId: spanId,
            sampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
          }),
        },
        set: (more) => void span.setAttributes(more),
        rename: (to) => void span.updateName(to),
        fail: (reason) => void span.setStatus({ code: SpanStatusCode.ERROR, message: reason }),
        end: () => span.end(),
      };
    },
    close: () => provider.shutdown(),
  };
}
