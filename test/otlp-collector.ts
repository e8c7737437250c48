import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as OTLP's JSON has it. */
interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: { key: string; value: Record<string, unknown> }[];
  status: { code?: number };
}

export interface CollectedSpan {
  service: string;
  traceId: string;
  spanId: string;
  parent: string | undefined;
  name: string;
  attributes: Record<string, unknown>;
  failed: boolean;
}

const attributesOf = (list: OtlpSpan['attributes']) =>
  Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));

/** A collector that takes OTLP over HTTP as JSON, on a free port. */
export async function startOtlpCollector() {
  const spans: CollectedSpan[] = [];
  const raw: string[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    raw.push(text);
    const body = JSON.parse(text) as {
      resourceSpans: {
        resource: { attributes: OtlpSpan['attributes'] };
        scopeSpans: { spans: OtlpSpan[] }[];
      }[];
    };
    for (const { resource, scopeSpans } of body.resourceSpans) {
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({
          service: String(attributesOf(resource.attributes)['service.name']),
          traceId: span.traceId,
          spanId: span.spanId,
          parent: span.parentSpanId || undefined,
          name: span.name,
          attributes: attributesOf(span.attributes),
          failed: span.status.code === 2,
        });
      }
    }
    const ok = request.url === '/v1/traces' && request.headers['content-type'] === 'application/json';
    response.writeHead(ok ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    /** All that was sent, as it came. */
    raw,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
