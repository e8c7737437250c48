-- An admitted attempt has proved right: it is no failure after all, and the place is the user's from now on.
--
-- KEYS[1] HASH of the place: count, until   KEYS[2] HASH of the user: count, until
-- KEYS[3] STRING: the place is known to be the user's
-- ARGV[1] 1 when the attempt was counted for the place alone, else 0   ARGV[2] how long the place stays known, ms
--
-- Returns 1.
local function give_back(key)
  if tonumber(redis.call('HGET', key, 'count') or 0) > 0 then redis.call('HINCRBY', key, 'count', -1) end
end
give_back(KEYS[1])
if ARGV[1] == '0' then give_back(KEYS[2]) end
redis.call('SET', KEYS[3], '1', 'PX', ARGV[2])
return 1
