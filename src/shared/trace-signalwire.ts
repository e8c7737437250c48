import type { SignalWireClient } from './signalwire-client.ts';
import { inSpan, type Tracing } from './tracing.ts';

/** Makes each request to SignalWire a span, with its outcome. */
export function traceSignalWire(client: SignalWireClient, tracing: Tracing): SignalWireClient {
  return {
    send(request, options) {
      const span = tracing.begin(`POST /api/relay/rest/mfa/${request.channel}`, 'client', {
        'http.request.method': 'POST',
        'peer.service': 'signalwire',
      });
      return inSpan(span, async () => {
        const outcome = await client.send(request, options);
        const httpStatus = 'httpStatus' in outcome ? outcome.httpStatus : null;
        span.set({
          'ringback.outcome': outcome.kind,
          ...(httpStatus !== null && { 'http.response.status_code': httpStatus }),
        });
        if (outcome.kind !== 'sent') span.fail(outcome.kind);
        return outcome;
      });
    },

    verify(mfaId, code, options) {
      const span = tracing.begin('POST /api/relay/rest/mfa/{id}/verify', 'client', {
        'http.request.method': 'POST',
        'peer.service': 'signalwire',
      });
      return inSpan(span, async () => {
        const outcome = await client.verify(mfaId, code, options);
        span.set({ 'ringback.outcome': outcome.kind });
        if (outcome.kind === 'unavailable' || outcome.kind === 'lost') span.fail(outcome.kind);
        return outcome;
      });
    },

    close: () => client.close(),
  };
}
