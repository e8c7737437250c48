-- Ends an erasure: of the number not even its hash is left in it.
--
-- KEYS[1] HASH of the erasure   KEYS[2] ZSET of what is to be erased: erasure id -> epoch ms
-- ARGV[1] erasure id   ARGV[2] now, epoch ms
--
-- Returns 1 ended, now or before; 0 it is gone.
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSETNX', KEYS[1], 'completed', ARGV[2])
redis.call('HDEL', KEYS[1], 'number')
return 1
