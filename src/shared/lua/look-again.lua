-- Moves a record's place in an index of what is due, if the record is still the one that was looked at.
--
-- KEYS[1] STRING, the record, which begins with its version   KEYS[2] ZSET id -> epoch ms
-- ARGV[1] id   ARGV[2] version that was looked at   ARGV[3] epoch ms at which to look again
--
-- Returns 1 moved; 0 it changed meanwhile; -1 it is gone, and so is its place in the index.
local version = string.match(redis.call('GETRANGE', KEYS[1], 0, 63), '^%d+ ?[^ \n]*')
if not version then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return -1
end
if version ~= ARGV[2] then return 0 end
redis.call('ZADD', KEYS[2], 'XX', ARGV[3], ARGV[1])
return 1
