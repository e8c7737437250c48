-- Admits an attempt to sign in and counts it as failed until it proves right: parallel guesses never exceed the limits.
--
-- KEYS[1] HASH of the place it comes from: count, until
-- KEYS[2] HASH of the user, as places that are not known to be the user's try it: count, until
-- KEYS[3] STRING, there when the place is known to be the user's
-- ARGV[1] now, epoch ms   ARGV[2] failures that a place has   ARGV[3] failures that a user has
-- ARGV[4] how long failures count, from the first one, ms
--
-- Returns {0, known} admitted, known 1 or 0; {ms, known} refused for so long.
local now, window = tonumber(ARGV[1]), tonumber(ARGV[4])
local known = redis.call('EXISTS', KEYS[3])
local counters = { { KEYS[1], tonumber(ARGV[2]) } }
if known == 0 then counters[2] = { KEYS[2], tonumber(ARGV[3]) } end

local wait = 0
for _, counter in ipairs(counters) do
  local count, ends = unpack(redis.call('HMGET', counter[1], 'count', 'until'))
  if ends and tonumber(ends) <= now then
    redis.call('DEL', counter[1])
  elseif count and tonumber(count) >= counter[2] then
    wait = math.max(wait, tonumber(ends) - now)
  end
end
if wait > 0 then return { math.ceil(wait), known } end

for _, counter in ipairs(counters) do
  if redis.call('HINCRBY', counter[1], 'count', 1) == 1 then
    redis.call('HSET', counter[1], 'until', now + window)
    redis.call('PEXPIRE', counter[1], window)
  end
end
return { 0, known }
