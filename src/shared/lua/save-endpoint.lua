-- Stores, replaces or deletes an endpoint, if it is still the one that was read.
--
-- KEYS[1] HASH of the owner's endpoints: id -> doc   KEYS[2] STRING: counts the changes to them
-- ARGV[1] endpoint id   ARGV[2] doc that was read, '' = it must not exist yet   ARGV[3] new doc, '' = delete
--
-- Returns 1 done; 0 somebody was faster.
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
redis.call('INCR', KEYS[2])
return 1
