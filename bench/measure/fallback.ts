import { atRate } from '../load.ts';
import { numbers } from '../numbers.ts';
import { quantile, type Row, spread } from '../report.ts';
import type { Room } from '../room.ts';

const RATE = 400;

/** How late the call is after the text's time is over, with so many verifications open. */
export async function measureFallback(room: Room, size: { open: number; timeoutSeconds: number }): Promise<Row> {
  const [api] = await Promise.all([room.start('api'), room.start('worker')]);
  const client = room.client(api.url);
  const workflow = [{ channel: 'sms', timeout: size.timeoutSeconds }, { channel: 'call' }];
  await atRate(numbers(size.open), RATE, (to) => client.submit(to, { workflow }));
  const arrivals = await room.provider.expect(2 * size.open);
  const textAt = new Map(arrivals.filter(({ channel }) => channel === 'sms').map(({ to, at }) => [to, at]));
  const late = arrivals
    .filter(({ channel }) => channel === 'call')
    .map(({ to, at }) => at - (textAt.get(to) ?? at) - size.timeoutSeconds * 1000);
  await room.empty();
  const p99 = quantile(late, 0.99);
  return {
    what: `the call leaves after its timer is due, with ${size.open.toLocaleString('en')} open`,
    target: 'p99 under 250 ms',
    figure: `p99 ${p99.toFixed(0)} ms`,
    met: p99 < 250,
    detail: spread(late),
  };
}
