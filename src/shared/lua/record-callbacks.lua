-- Records callbacks that belong to no verification.
--
-- KEYS[1] ZSET of undelivered callbacks: id -> epoch ms   KEYS[2] ZSET of the owner's callbacks: id -> epoch ms
-- KEYS[3..] per callback: STRING, its record (version, doc, body); ZSET of its target's callbacks
-- ARGV[1] now, epoch ms   ARGV[2] epoch ms at which they may vanish   ARGV[3..] per callback: id, doc, body
--
-- Returns how many.
local count = (#KEYS - 2) / 2
for i = 0, count - 1 do
  local callback, target = KEYS[3 + i * 2], KEYS[4 + i * 2]
  local id = ARGV[3 + i * 3]
  redis.call('SET', callback, '1\n' .. ARGV[4 + i * 3] .. '\n' .. ARGV[5 + i * 3], 'PXAT', ARGV[2])
  redis.call('ZADD', KEYS[1], ARGV[1], id)
  for _, index in ipairs({ KEYS[2], target }) do
    redis.call('ZADD', index, ARGV[1], id)
    redis.call('ZREMRANGEBYSCORE', index, '-inf', '(' .. (2 * ARGV[1] - ARGV[2])) -- these have vanished by now
    redis.call('PEXPIREAT', index, ARGV[2])
  end
end
return count
