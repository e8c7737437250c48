import { expect, it, onTestFinished } from 'vitest';
import type { Channel } from '../../src/shared/channel.ts';
import { createKeys } from '../../src/shared/keys.ts';
import { placesOf } from '../../src/shared/partitions.ts';
import type { VerificationView } from '../../src/shared/verification-view.ts';
import { freshNumber, MINUTE, type Service, startService } from '../fixtures.ts';
import { type ServiceProcess, startProcess } from '../service-processes.ts';

const TWO = { PARTITIONS: '2' };

/** Submits until some verifications of one channel lie in a partition, and gives those. */
async function submitTo(service: Service, partition: string, channel: Channel, count: number) {
  const made: VerificationView[] = [];
  while (made.length < count) {
    // one step only: a later one would take an attempt that waits for long out of its queue
    const verification = await service.submit({ to: freshNumber(), workflow: [{ channel }] });
    if (placesOf(verification.id, 2)[0] === partition) made.push(verification);
  }
  return made;
}

async function startWorkerProcess(service: Service, env: Record<string, string>) {
  const worker = await startProcess('worker', { ...service.env, METRICS_PORT: '0', ...env });
  onTestFinished(async () => {
    worker.child.kill('SIGKILL');
    await worker.exited;
  });
  return worker;
}

async function ask(worker: ServiceProcess, path: string) {
  const port = /"metricsPort":(\d+)/.exec(worker.output())?.[1];
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
}

it('a worker that leaves jobs alone says so and ends itself; one whose jobs rest or are not its own goes on', {
  timeout: 3 * MINUTE,
}, async () => {
  const service = await startService({ workers: 0, env: TWO });
  const answerAgain = service.sandbox.behave({ channel: 'sms' }, () => 'hang');
  const texts = await submitTo(service, '80', 'sms', 2);
  await submitTo(service, '0', 'call', 1);
  const { queuePrefix } = createKeys().inPartition('0');
  await service.allQueues.find(({ name, opts }) => name === 'call' && opts.prefix === queuePrefix)?.pause();
  const resting = await startWorkerProcess(service, { WORKER_PARTITIONS: '0' });
  // its only run waits for an answer for longer than a worker may stand still
  const wedged = await startWorkerProcess(service, {
    WORKER_PARTITIONS: '80',
    SMS_CONCURRENCY: '1',
    SEND_TIMEOUT_MS: '200000',
    LOCK_DURATION_MS: '300000',
  });

  await expect
    .poll(() => ask(wedged, '/readyz'), { timeout: MINUTE, interval: 1_000 })
    .toMatchObject({ status: 503, text: expect.stringContaining('jobs wait in the queue sms') });
  expect(await wedged.exited).toEqual({ code: 1, signal: null });
  expect(wedged.output()).toMatch(/"level":60.*"queue":"sms".*jobs wait and nothing has moved for 60 s/);

  expect(await ask(resting, '/readyz')).toMatchObject({ status: 200 });
  const { text } = await ask(resting, '/metrics');
  const still = [...text.matchAll(/^ringback_queue_still_seconds\{.*\} (\S+)$/gm)].map(([, seconds]) =>
    Number(seconds),
  );
  expect(still).toEqual([0, 0, 0, 0]);
  answerAgain();
  await startWorkerProcess(service, { WORKER_PARTITIONS: '80' });
  await service.receiver.event('verification.attempt.sent', texts[1]?.id ?? '');
  await service.close();
});
