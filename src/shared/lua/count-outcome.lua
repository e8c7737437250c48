-- Counts what became of a verification, for its prefix and its country. Repeated after a lost answer it is counted twice.
--
-- KEYS[i] HASH <bucket>:sent, <bucket>:approved -> how many
-- ARGV[1] bucket, a number that grows with time   ARGV[2] '1' = a code was sent for the first time, else '0'
-- ARGV[3] '1' = it was approved, else '0'   ARGV[4] oldest bucket that is kept   ARGV[5] how long all is kept, ms
--
-- Returns 1.
local oldest = tonumber(ARGV[4])
for _, key in ipairs(KEYS) do
  if redis.call('HSETNX', key, ARGV[1] .. ':sent', 0) == 1 then -- a new bucket: time to look for old ones
    for _, field in ipairs(redis.call('HKEYS', key)) do
      if tonumber(string.match(field, '^%d+')) < oldest then redis.call('HDEL', key, field) end
    end
  end
  redis.call('HINCRBY', key, ARGV[1] .. ':sent', ARGV[2])
  redis.call('HINCRBY', key, ARGV[1] .. ':approved', ARGV[3])
  redis.call('PEXPIRE', key, ARGV[5])
end
return 1
