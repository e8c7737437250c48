-- Judges a request by several sliding windows in one go, and counts it everywhere or nowhere: not at all when a window
-- that is enforced is full, and never in a counter whose own window is full.
--
-- KEYS[i] ZSET of counter i: token -> epoch ms at which it was counted
--
-- ARGV[1] 'take', or 'look': count nothing   ARGV[2] now, epoch ms   ARGV[3] token of the request
-- ARGV[4] JSON, one object per counter: windows = list of { count, ms }; judged: it may refuse; enforced: its refusal
--         holds; counted: the request is counted here
--
-- Returns one list per counter: 1 = the token was counted before, and is not counted or refused again, else 0; then per window
--         how many it holds without this request, and the epoch ms at which it has room again (0 = it is empty).
local now = tonumber(ARGV[2])
local counters = cjson.decode(ARGV[4])
local states, full, refused = {}, {}, false

for i, counter in ipairs(counters) do
  local known = redis.call('ZSCORE', KEYS[i], ARGV[3])
  local state = { known and 1 or 0 }
  for _, window in ipairs(counter.windows) do
    local count, ms = window[1], window[2]
    local since = '(' .. (now - ms)
    local used = redis.call('ZCOUNT', KEYS[i], since, '+inf')
    -- when it is full, the oldest one of the last `count` has to leave
    local leaving = redis.call('ZRANGEBYSCORE', KEYS[i], since, '+inf', 'WITHSCORES', 'LIMIT', math.max(0, used - count), 1)
    table.insert(state, used)
    table.insert(state, leaving[2] and leaving[2] + ms or 0)
    if counter.judged and not known and used >= count then full[i] = true end
  end
  if full[i] and counter.enforced then refused = true end
  states[i] = state
end

if ARGV[1] == 'take' and not refused then
  for i, counter in ipairs(counters) do
    if counter.counted and not full[i] and states[i][1] == 0 then
      local longest = 0
      for _, window in ipairs(counter.windows) do longest = math.max(longest, window[2]) end
      redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - longest)
      redis.call('ZADD', KEYS[i], now, ARGV[3])
      redis.call('PEXPIRE', KEYS[i], longest) -- on Redis's own clock: it only cleans up
    end
  end
end
return states
