import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { all } from '../load.ts';
import { numbers } from '../numbers.ts';
import type { Row } from '../report.ts';
import type { Room } from '../room.ts';

/** Housekeeping of processes that have nothing to do is counted over this time, and taken off. */
const IDLE_MS = 5_000;

/** Commands that clients send to Redis for one verification: submitted, texted, reported, checked, approved, reported. */
export async function measureCommands(room: Room, size: { count: number }): Promise<Row> {
  const callbacks = { CALLBACK_URL: room.receiver.url };
  const [api] = await Promise.all([room.start('api', callbacks), room.start('worker', callbacks)]);
  const client = room.client(api.url);
  const lifeOf = async (to: string) => {
    const { id } = await client.submit(to);
    await room.receiver.event('verification.attempt.sent', id);
    await client.check(id);
    await room.receiver.event('verification.approved', id);
  };
  await all(numbers(20, 100_000), 1, lifeOf);

  const counts = new Map<string, number>();
  let sent = 0;
  let inScripts = 0;
  const stop = await watchCommands(room.redisUrl, (name, inScript) => {
    if (inScript) inScripts += 1;
    else {
      sent += 1;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  });
  const look = async () => ({ sent, inScripts, reads: await readsBy(room.redis), at: performance.now() });
  const start = await look();
  await pause(IDLE_MS);
  const idle = await look();
  await all(numbers(size.count), 1, lifeOf);
  const end = await look();
  const each = (what: 'sent' | 'reads') => {
    const idlePerMs = (idle[what] - start[what]) / (idle.at - start.at);
    return (end[what] - idle[what] - idlePerMs * (end.at - idle.at)) / size.count;
  };
  stop();
  await room.empty();
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, 5);
  return {
    what: 'Redis commands for one verification, from submission to its last callback, and round trips',
    target: 'few',
    figure: `${each('sent').toFixed(1)} in ${each('reads').toFixed(1)}`,
    detail: `those sent together count as one round trip; ${((end.inScripts - idle.inScripts) / size.count).toFixed(0)} more commands inside scripts; most sent: ${most.map(([name]) => name).join(', ')}`,
  };
}

/** How often Redis has taken something from a connection: each time it was one command, or several that came together. */
async function readsBy(redis: Redis): Promise<number> {
  return Number(/^total_reads_processed:(\d+)/m.exec(await redis.info('stats'))?.[1]);
}

/** Tells every command that Redis carries out, by MONITOR on a plain connection: ioredis loses count in RESP3. */
async function watchCommands(url: string, tell: (name: string, inScript: boolean) => void): Promise<() => void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const lines = createInterface({ input: socket });
  lines.on('line', (line) => {
    const [, source = '', name = ''] = /^\+[\d.]+ \[\d+ ([^\]]+)\] "([^"]+)"/.exec(line) ?? [];
    if (name !== '') tell(name.toLowerCase(), source === 'lua');
  });
  socket.write('MONITOR\r\n');
  await once(lines, 'line');
  return () => socket.destroy();
}
