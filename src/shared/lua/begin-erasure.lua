-- Records that a number is to be erased, unless that is recorded already.
--
-- KEYS[1] HASH of the erasure   KEYS[2] ZSET of what is to be erased: erasure id -> epoch ms
-- ARGV[1] erasure id   ARGV[2] owner   ARGV[3] number hash   ARGV[4] now, epoch ms   ARGV[5] epoch ms at which it may vanish
--
-- Returns 1 recorded; 0 this very call came before.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'number', ARGV[3], 'created', ARGV[4])
redis.call('PEXPIREAT', KEYS[1], ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
return 1
