import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { connectForRequests, connectForWork, disconnect } from '../../src/shared/redis.ts';
import { ownDatabase } from '../fixtures.ts';

const log = pino({ level: 'silent' });

it.each([
  ['requests', (url: string) => connectForRequests(url, log, 5_000)],
  ['work', (url: string) => connectForWork(url, log)],
])('a connection for %s writes the commands of one turn at once, in their order', async (_for, connect) => {
  const redis = connect(await ownDatabase());
  onTestFinished(() => disconnect(redis));
  await new Promise((resolve) => redis.once('ready', resolve));

  const written = () => redis.stream.bytesWritten - redis.stream.writableLength;
  const before = written();
  const answers = [redis.set('key', '1'), redis.incr('key'), redis.get('key')];
  const inThisTurn = written() - before;

  expect(inThisTurn).toBe(0);
  expect(await Promise.all(answers)).toEqual(['OK', 2, '2']);
});
