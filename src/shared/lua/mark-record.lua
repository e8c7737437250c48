-- Writes something after a record as it was read: a server that has confirmed this has the record, too.
--
-- KEYS[1] STRING, the record, which begins with its version   KEYS[2] STRING: what is written
-- ARGV[1] version that was read
--
-- Returns 1 it is as it was read; 0 it changed meanwhile, or is gone.
if string.match(redis.call('GETRANGE', KEYS[1], 0, 63), '^%d+ ?[^ \n]*') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[1])
return 1
