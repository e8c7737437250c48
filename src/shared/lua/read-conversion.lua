-- Sums up what became of verifications, for each prefix or country.
--
-- KEYS[i] HASH <bucket>:sent, <bucket>:approved -> how many
-- ARGV[1] oldest bucket that counts   ARGV[2] first bucket that is too young for a judgement
--
-- Returns for each { sent, approved, approved in young buckets too }.
local oldest, young = tonumber(ARGV[1]), tonumber(ARGV[2])
local tallies = {}
for i, key in ipairs(KEYS) do
  local sent, approved, approvedSoFar = 0, 0, 0
  local fields = redis.call('HGETALL', key)
  for f = 1, #fields, 2 do
    local bucket, what = string.match(fields[f], '^(%d+):(%a+)$')
    bucket = tonumber(bucket)
    if bucket >= oldest then
      local count = tonumber(fields[f + 1])
      if what == 'approved' then approvedSoFar = approvedSoFar + count end
      if bucket < young then
        if what == 'sent' then sent = sent + count else approved = approved + count end
      end
    end
  end
  tallies[i] = { sent, approved, approvedSoFar }
end
return tallies
