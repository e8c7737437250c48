import { all, saturate } from '../load.ts';
import { numbers } from '../numbers.ts';
import { median, perSecond, type Row, rounds } from '../report.ts';
import type { Room, Verification } from '../room.ts';

/** Makes copies of a stored verification under other ids: what a million submissions leave behind, without their wait. */
const COPY = `
local tag, id, from, count = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local record = redis.call('GET', tag .. ':verification:' .. id)
local due = redis.call('ZSCORE', tag .. ':due', id)
local job = redis.call('HGETALL', tag .. ':verifications:' .. id)
local delayed = redis.call('ZSCORE', tag .. ':verifications:delayed', id)
local owned = redis.call('ZSCORE', tag .. ':verifications:bench', id)
for i = from, from + count - 1 do
  local copy = string.sub(id, 1, 6) .. string.format('%032x', i)
  redis.call('SET', tag .. ':verification:' .. copy, record)
  redis.call('SET', tag .. ':active:bench:' .. copy, copy)
  redis.call('ZADD', tag .. ':due', due, copy)
  redis.call('ZADD', tag .. ':verifications:bench', owned, copy)
  local copied = {}
  for n, field in ipairs(job) do copied[n] = n % 2 == 0 and string.gsub(field, id, copy) or field end
  redis.call('HSET', tag .. ':verifications:' .. copy, unpack(copied))
  redis.call('ZADD', tag .. ':verifications:delayed', delayed, copy)
end
return redis.call('ZCARD', tag .. ':due')`;
const BATCH = 5_000;
const CONCURRENCY = 32;

/** Verifications that are submitted, texted and checked per second beside many open ones, against few. */
export async function measureOpen(
  room: Room,
  size: { few: number; many: number; rounds: number; ms: number },
): Promise<Row> {
  const withFew: number[] = [];
  const withMany: number[] = [];
  for (let round = 0; round < size.rounds; round++) {
    withFew.push(await throughputBeside(room, size.few, size.ms));
    withMany.push(await throughputBeside(room, size.many, size.ms));
  }
  const ratio = median(withMany) / median(withFew);
  return {
    what: `throughput with ${size.many.toLocaleString('en')} open verifications against ${size.few.toLocaleString('en')}`,
    target: 'at least 0.9 ×',
    figure: `${ratio.toFixed(2)} ×`,
    met: ratio >= 0.9,
    detail: `verifications submitted, texted and approved: ${rounds(withMany)} against ${rounds(withFew)} (${perSecond(median(withFew))})`,
  };
}

async function throughputBeside(room: Room, open: number, ms: number): Promise<number> {
  const callbacks = { CALLBACK_URL: room.receiver.url };
  const [first] = await Promise.all([room.start('api', callbacks), room.start('worker', callbacks)]);
  const long = { expires_in: 86_400, workflow: [{ channel: 'sms', timeout: 900 }, { channel: 'call' }] };
  const { id }: Verification = await room.client(first.url).submit('+12125550999', long);
  await room.receiver.event('verification.attempt.sent', id); // nothing is left to do but to wait for the person
  await room.stop();
  for (let from = 0; from < open; from += BATCH) {
    await room.redis.eval(COPY, 0, '{ringback:0}', id, from, Math.min(BATCH, open - from));
  }
  const [api] = await Promise.all([room.start('api', callbacks), room.start('worker', callbacks)]);
  const client = room.client(api.url);
  const fresh = numbers(170_000).values();
  const one = async () => {
    const made = await client.submit(String(fresh.next().value));
    await room.receiver.event('verification.attempt.sent', made.id);
    await client.check(made.id);
  };
  await all(Array.from({ length: 300 }), CONCURRENCY, one);
  const rate = await saturate(CONCURRENCY, ms, one);
  await room.empty();
  return rate;
}
