-- Adds a decision to the log of all, and to that of one key name; what is too old or too much leaves at the other end.
-- Repeated after a lost answer, it tells the same twice: better than not at all.
--
-- KEYS[1] STREAM of everything   KEYS[2] STREAM of one key name (missing when it concerns none)
-- ARGV[1] now, epoch ms   ARGV[2] decision, JSON   ARGV[3] how long they stay, ms   ARGV[4] how many stay at most
--
-- Returns the id of the decision, the same in both streams.
local now, keptMs = tonumber(ARGV[1]), tonumber(ARGV[3])
local id = ARGV[1] .. '-0'
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if newest then
  -- ids only grow: two in one millisecond, and a clock that went back, are numbered on
  local ms, n = string.match(newest[1], '^(%d+)-(%d+)$')
  if tonumber(ms) >= now then id = ms .. '-' .. string.format('%d', tonumber(n) + 1) end
end
for _, key in ipairs(KEYS) do
  redis.call('XADD', key, id, 'doc', ARGV[2])
  redis.call('XTRIM', key, 'MINID', string.format('%d', now - keptMs))
  redis.call('XTRIM', key, 'MAXLEN', ARGV[4])
  redis.call('PEXPIRE', key, keptMs)
end
return id
