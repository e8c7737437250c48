-- Notes how a delivery to an endpoint ended, for the decision to disable it.
--
-- KEYS[1] HASH of the endpoint's failures: since, count
-- ARGV[1] 1 = it succeeded, 0 = it failed   ARGV[2] now, epoch ms   ARGV[3] how long to remember, ms
--
-- Returns {since when it only failed, epoch ms; how often}, or {0, 0}.
if ARGV[1] == '1' then
  redis.call('DEL', KEYS[1])
  return { 0, 0 }
end
redis.call('HSETNX', KEYS[1], 'since', ARGV[2])
local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { tonumber(redis.call('HGET', KEYS[1], 'since')), count }
