import { DelayedError, type Processor, RateLimitError } from 'bullmq';
import { Origin, setOffBy } from '../shared/origin.ts';
import type { QueueName } from '../shared/queues.ts';
import { inSpan, type Tracing } from '../shared/tracing.ts';

/** Runs the jobs of a queue as set off by what their data name, each run a span of its own. */
export function traceJobs(queue: QueueName, process: Processor, tracing: Tracing): Processor {
  return (job, token, signal) =>
    setOffBy(Origin.safeParse(job.data).data, () => {
      const verification: unknown = job.data?.verification_id;
      const span = tracing.begin(`process ${queue}`, 'consumer', {
        'messaging.system': 'bullmq',
        'messaging.destination.name': queue,
        'messaging.message.id': job.id ?? '',
        ...(typeof verification === 'string' && { 'ringback.verification.id': verification }),
      });
      return inSpan(span, async () => {
        try {
          return await process(job, token, signal);
        } catch (error) {
          const goesToSleep = error instanceof DelayedError || error instanceof RateLimitError;
          if (!goesToSleep) span.fail(error instanceof Error ? error.name : 'error');
          throw error;
        }
      });
    });
}
