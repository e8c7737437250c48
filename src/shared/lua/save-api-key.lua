-- Stores a new API key or changes one that is there, and tells all processes.
--
-- KEYS[1] HASH of the key: doc, expires_at, revoked_at (epoch ms), last_used_day   KEYS[2] ZSET id -> epoch ms of its making
-- ARGV[1] id   ARGV[2] doc of a new key; '' changes an old one   ARGV[3] now, epoch ms   ARGV[4] channel of changes
-- ARGV[5] in how many ms the record vanishes; '' leaves that as it is   ARGV[6..] fields and values
--
-- Returns 1 stored; 0 there is no such key.
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'doc', ARGV[2])
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
elseif redis.call('HEXISTS', KEYS[1], 'doc') == 0 then
  return 0
end
for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
if ARGV[5] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
redis.call('PUBLISH', ARGV[4], ARGV[1])
return 1
