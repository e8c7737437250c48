import { wallNow } from '../clock.ts';
import { all, atRate } from '../load.ts';
import { numbers } from '../numbers.ts';
import { median, quantile, type Row, spread } from '../report.ts';
import type { Room } from '../room.ts';

const RATE = 100;

/** How long after its 202 a verification's request reaches SignalWire, how long a check takes, and a callback. */
export async function measureLatency(room: Room, size: { count: number }): Promise<Row[]> {
  const callbacks = { CALLBACK_URL: room.receiver.url };
  const [api] = await Promise.all([room.start('api', callbacks), room.start('worker', callbacks)]);
  const client = room.client(api.url);
  await warmUp(room, client);

  const acceptedAt = new Map<string, number>();
  const made: string[] = [];
  await atRate(numbers(size.count), RATE, async (to) => {
    const { id } = await client.submit(to);
    acceptedAt.set(to, wallNow());
    made.push(id);
  });
  const arrivals = await room.provider.expect(size.count);
  const sending = arrivals.map(({ to, at }) => Math.max(0, at - (acceptedAt.get(to) ?? at)));
  await all(made, 64, (id) => room.receiver.event('verification.attempt.sent', id));

  const direct = await directChecks(room, Math.min(200, size.count));
  const checks: number[] = [];
  const closedAt = new Map<string, number>();
  await atRate(made, RATE, async (id) => {
    const startedAt = wallNow();
    await client.check(id);
    closedAt.set(id, wallNow());
    checks.push(wallNow() - startedAt - direct);
  });
  const reports: number[] = [];
  await all(made, 64, async (id) => {
    reports.push(Math.max(0, (await room.receiver.event('verification.approved', id)) - (closedAt.get(id) ?? 0)));
  });
  await room.empty();

  const [p50, p99] = [quantile(sending, 0.5), quantile(sending, 0.99)];
  const [checkP99, reportP99] = [quantile(checks, 0.99), quantile(reports, 0.99)];
  return [
    {
      what: `accepted → the request to SignalWire leaves, at ${RATE} submissions/s`,
      target: 'p50 under 5 ms, p99 under 50 ms',
      figure: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
      met: p50 < 5 && p99 < 50,
      detail: spread(sending),
    },
    {
      what: "check: time added to SignalWire's own answer",
      target: 'p99 under 10 ms',
      figure: `p99 ${checkP99.toFixed(1)} ms`,
      met: checkP99 < 10,
      detail: `${spread(checks)}; the answer alone takes ${direct.toFixed(1)} ms`,
    },
    {
      what: 'closed → the first callback leaves',
      target: 'p99 under 100 ms',
      figure: `p99 ${reportP99.toFixed(1)} ms`,
      met: reportP99 < 100,
      detail: spread(reports),
    },
  ];
}

/** The first requests of a process are those of a compiler. */
async function warmUp(room: Room, client: ReturnType<Room['client']>): Promise<void> {
  const count = 300;
  const made: string[] = [];
  await all(numbers(count, 150_000), 16, async (to) => void made.push((await client.submit(to)).id));
  await all(made, 64, (id) => room.receiver.event('verification.attempt.sent', id));
  await all(made, 16, (id) => client.check(id));
  await all(made, 64, (id) => room.receiver.event('verification.approved', id));
  room.provider.forget();
}

/** Milliseconds that SignalWire's stand-in takes to answer a check, asked by this process. */
async function directChecks(room: Room, count: number): Promise<number> {
  const client = room.client(room.provider.url);
  const took: number[] = [];
  await atRate(numbers(count), RATE, async () => {
    const startedAt = wallNow();
    await client.send('POST', '/api/relay/rest/mfa/x/verify', { token: '123456' });
    took.push(wallNow() - startedAt);
  });
  return median(took);
}
