-- Stores a new state of a callback, if nobody stored another one since it was read, with its place in the index.
--
-- KEYS[1] STRING, the record of the callback: version and the token of the last write, doc, body, a line each
-- KEYS[2] ZSET of undelivered callbacks: id -> epoch ms
-- KEYS[3] STRING, the record of its verification, whose story is told of it; not given when there is nothing to tell
-- ARGV[1] callback id   ARGV[2] version that was read, the first line   ARGV[3] doc   ARGV[4] due, epoch ms, or '' = nothing more to do
-- ARGV[5] token of this write   ARGV[6] line of the story   ARGV[7] channel that is told   ARGV[8] verification id
--
-- Returns 1 stored, now or when this very write came the first time; 0 somebody was faster, or it is gone.
local MAX_RECORD_BYTES = 65536 -- replays may go on for as long as somebody likes
local record = redis.call('GET', KEYS[1])
if not record then return 0 end
local version, body = string.match(record, '^([^\n]*)\n[^\n]*\n(.*)$')
local count, token = string.match(version, '^(%d+) ?(.*)$')
if version ~= ARGV[2] then return token == ARGV[5] and 1 or 0 end
record = string.format('%d', count + 1) .. ' ' .. ARGV[5] .. '\n' .. ARGV[3] .. '\n' .. body
redis.call('SET', KEYS[1], record, 'KEEPTTL')
if ARGV[4] == '' then redis.call('ZREM', KEYS[2], ARGV[1]) else redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1]) end
local verification = KEYS[3] and redis.call('GET', KEYS[3])
if verification then
  -- not APPEND: it reserves as much again, for more to come
  if #verification < MAX_RECORD_BYTES then redis.call('SET', KEYS[3], verification .. ARGV[6], 'KEEPTTL') end
  redis.call('PUBLISH', ARGV[7], ARGV[8])
end
return 1
