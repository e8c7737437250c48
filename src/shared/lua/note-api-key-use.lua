-- Notes the day on which an API key was used.
--
-- KEYS[1] HASH of the key: doc, last_used_day   ARGV[1] the day, YYYY-MM-DD
--
-- Returns 1 written; 0 it stood there already, or there is no such key.
if redis.call('HEXISTS', KEYS[1], 'doc') == 0 or redis.call('HGET', KEYS[1], 'last_used_day') == ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'last_used_day', ARGV[1])
return 1
