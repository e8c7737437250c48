-- Stores a new state of a callback, if nobody stored another one since it was read, with its place in the index.
--
-- KEYS[1] HASH of the callback: version, doc, body, op (the token of the last write)
-- KEYS[2] ZSET of undelivered callbacks: id -> epoch ms
-- KEYS[3] HASH of its verification, whose story is told of it; not given when there is nothing to tell
-- ARGV[1] callback id   ARGV[2] version that was read   ARGV[3] doc   ARGV[4] due, epoch ms, or '' = nothing more to do
-- ARGV[5] token of this write   ARGV[6] line of the story   ARGV[7] channel that is told   ARGV[8] verification id
--
-- Returns 1 stored, now or when this very write came the first time; 0 somebody was faster, or it is gone.
local MAX_STORY_BYTES = 65536 -- replays may go on for as long as somebody likes
local current = redis.call('HMGET', KEYS[1], 'version', 'op')
if current[1] ~= ARGV[2] then return current[2] == ARGV[5] and 1 or 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2] + 1, 'doc', ARGV[3], 'op', ARGV[5])
if ARGV[4] == '' then redis.call('ZREM', KEYS[2], ARGV[1]) else redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1]) end
if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then
  local story = redis.call('HGET', KEYS[3], 'story') or ''
  if #story < MAX_STORY_BYTES then redis.call('HSET', KEYS[3], 'story', story .. ARGV[6]) end
  redis.call('PUBLISH', ARGV[7], ARGV[8])
end
return 1
