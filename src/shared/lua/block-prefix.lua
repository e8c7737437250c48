-- Blocks a prefix, and forgets the blocks that are over.
--
-- KEYS[1] HASH prefix -> block, JSON with `until` (epoch ms); it vanishes when its last block is over
-- ARGV[1] prefix   ARGV[2] its block, JSON   ARGV[3] now, epoch ms   ARGV[4] until when it is blocked, epoch ms
--
-- Returns how many are blocked.
local now, latest = tonumber(ARGV[3]), 0
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local ends = cjson.decode(all[i + 1])['until']
  if ends <= now then redis.call('HDEL', KEYS[1], all[i]) end
  latest = math.max(latest, ends)
end
redis.call('PEXPIRE', KEYS[1], math.max(1, latest - now))
return redis.call('HLEN', KEYS[1])
