-- Takes one of the turns that a channel has in a window of time, over all partitions.
--
-- KEYS[1] STRING: turns taken in this window
-- ARGV[1] turns that the window has   ARGV[2] its length, ms
--
-- Returns 0 it is taken; else how long, in ms, until the next window begins.
local taken = redis.call('INCR', KEYS[1])
if taken == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if taken <= tonumber(ARGV[1]) then return 0 end
return math.max(1, redis.call('PTTL', KEYS[1]))
