-- Notes that a number met a 429 on a channel, and counts the different numbers that did within the window.
--
-- KEYS[1] ZSET number hash -> epoch ms
-- ARGV[1] number hash   ARGV[2] now, epoch ms   ARGV[3] window, ms
--
-- Returns how many numbers, this one counted.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. (ARGV[2] - ARGV[3]))
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('ZCARD', KEYS[1])
