-- Notes that a number was asked for, and tells how many numbers lie in a row with it of those asked for lately.
--
-- KEYS[1] ZSET of one prefix: last four digits, as a number -> epoch ms
-- ARGV[1] 'note', or 'look' = nothing is noted   ARGV[2] its last four digits   ARGV[3] now, epoch ms
-- ARGV[4] how long a number counts as lately asked for, ms   ARGV[5] so many make a run   ARGV[6] how far neighbours are apart at most
-- ARGV[7] how far a run is followed to either side
--
-- Returns how many, itself included; 1 when there are too few for a run, as with almost every prefix.
local own, now, window = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if ARGV[1] == 'note' then
  redis.call('ZADD', KEYS[1], now, own)
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
  redis.call('PEXPIRE', KEYS[1], window)
end
if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[5]) - 1 then return 1 end
local function walk(step)
  local found, gap = 0, 0
  for distance = 1, tonumber(ARGV[7]) do
    gap = gap + 1
    local asked = redis.call('ZSCORE', KEYS[1], own + distance * step)
    if asked and tonumber(asked) > now - window then found, gap = found + 1, 0 end
    if gap == tonumber(ARGV[6]) then break end
  end
  return found
end
return 1 + walk(1) + walk(-1)
