import { findFreePort } from '../../scripts/system.mjs';
import { all, saturate } from '../load.ts';
import { numbers } from '../numbers.ts';
import { perSecond, type Row } from '../report.ts';
import type { Room } from '../room.ts';

const CONCURRENCY = 64;

/** How long the event loops of API and worker are held up while verifications come as fast as they can be taken. */
export async function measureEventLoop(room: Room, size: { ms: number }): Promise<Row> {
  const callbacks = { CALLBACK_URL: room.receiver.url };
  const ports = { api: await findFreePort(), worker: await findFreePort() };
  const start = (program: 'api' | 'worker') =>
    room.start(program, { ...callbacks, METRICS_PORT: String(ports[program]) });
  const [api] = await Promise.all([start('api'), start('worker')]);
  const client = room.client(api.url);
  const fresh = numbers(170_000).values();
  const one = async () => {
    const { id } = await client.submit(String(fresh.next().value));
    await room.receiver.event('verification.attempt.sent', id);
    await client.check(id);
  };
  await all(Array.from({ length: 300 }), CONCURRENCY, one);
  await Promise.all([delayOf(ports.api), delayOf(ports.worker)]); // each look starts the count anew
  const rate = await saturate(CONCURRENCY, size.ms, one);
  const [ofApi, ofWorker] = await Promise.all([delayOf(ports.api), delayOf(ports.worker)]);
  await room.empty();
  return {
    what: 'event loop delay of API and worker under full load',
    target: 'p99 under 50 ms',
    figure: `p99 ${ofApi.toFixed(1)} and ${ofWorker.toFixed(1)} ms`,
    met: Math.max(ofApi, ofWorker) < 50,
    detail: `as Node measures it, 10 ms apart; ${perSecond(rate)} were submitted, texted and approved`,
  };
}

/** p99 in milliseconds since somebody looked last. */
async function delayOf(metricsPort: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return 1000 * Number(/^nodejs_eventloop_lag_p99_seconds(?:{[^}]*})? (\S+)$/m.exec(metrics)?.[1]);
}
