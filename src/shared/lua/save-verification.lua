-- Stores a new state of a verification, if nobody stored another one since it was read, together with everything that
-- must not come apart from it: the index of what is due, the number's open verification, the callbacks that are owed.
--
-- KEYS[1] STRING, the record of the verification: a line with its version and the tokens of the last writes (newest first),
--   its doc, its story (a line for each fact)
-- KEYS[2] ZSET of what is due: verification id -> epoch ms
-- KEYS[3] ZSET of undelivered callbacks: callback id -> epoch ms
-- KEYS[4] LIST of the verification's callbacks
-- KEYS[5] STRING: the open verification of this key name and number
-- KEYS[6] ZSET of the owner's callbacks: callback id -> epoch ms
-- KEYS[7] STRING: counts the changes to the owner's endpoints
-- KEYS[8], KEYS[9], KEYS[10] ZSETs id -> epoch ms: the owner's verifications, those for the number, those with the reference
--   (again the owner's, without one)
-- KEYS[11..] per new callback: STRING, its record (version, doc, body); ZSET of its target's callbacks
--
-- ARGV[1] verification id        ARGV[2] version that was read (the count of writes and the token of the last),
--                                0 = it must not exist yet
-- ARGV[3] doc                    ARGV[4] token of this write
-- ARGV[5] due, epoch ms, or ''   ARGV[6] epoch ms at which the record may vanish, or '' = never
-- ARGV[7] 'open' or 'closed'     ARGV[8] now, epoch ms
-- ARGV[9] epoch ms at which new callbacks may vanish
-- ARGV[10] the count of changes to the endpoints that the callbacks were made for, '' = none are owed
-- ARGV[11] channel that is told of the change   ARGV[12] what the change tells, lines of the story
-- ARGV[13..] per new callback: id, doc, body
--
-- Returns {1} stored; {0, record} somebody was faster, or this very write came twice (its token is in the record);
--         {0} it does not exist; {3} the endpoints have changed; {2, id} it is new and the number has an open verification already.
local MAX_STORY_BYTES = 32768 -- only an end is told beyond: a client may have checks fail for as long as it likes
local record = redis.call('GET', KEYS[1])
local tokens, story = '', ''
local version = record and string.match(record, '^%d+ ?[^ \n]*') or '0'
if version ~= ARGV[2] then return { 0, record or nil } end
if record then tokens, story = string.match(record, '^%d+([^\n]*)\n[^\n]*\n(.*)$') end

local active = redis.call('GET', KEYS[5])
if ARGV[2] == '0' and active then return { 2, active } end

if ARGV[10] ~= '' and (redis.call('GET', KEYS[7]) or '0') ~= ARGV[10] then return { 3 } end

local last = string.match(tokens, '^ ?%S* ?%S* ?%S*') -- the last three
if #story < MAX_STORY_BYTES or ARGV[7] == 'closed' then story = story .. ARGV[12] end
record = string.format('%d', string.match(version, '^%d+') + 1) .. ' ' .. ARGV[4] .. last .. '\n' .. ARGV[3] .. '\n' .. story
if ARGV[6] == '' then redis.call('SET', KEYS[1], record, 'KEEPTTL') else redis.call('SET', KEYS[1], record, 'PXAT', ARGV[6]) end
if ARGV[5] == '' then redis.call('ZREM', KEYS[2], ARGV[1]) else redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1]) end

if ARGV[7] == 'open' then
  if ARGV[2] == '0' then redis.call('SET', KEYS[5], ARGV[1]) end
elseif active == ARGV[1] then
  redis.call('DEL', KEYS[5])
end

if ARGV[2] == '0' then
  for i = 8, 10 do
    redis.call('ZADD', KEYS[i], ARGV[8], ARGV[1])
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', '(' .. (2 * ARGV[8] - ARGV[9] - 86400000)) -- at most a day of life before
    redis.call('PEXPIREAT', KEYS[i], ARGV[9] + 86400000)
  end
end

for i = 0, (#KEYS - 10) / 2 - 1 do
  local callback, target = KEYS[11 + i * 2], KEYS[12 + i * 2]
  local id = ARGV[13 + i * 3]
  redis.call('SET', callback, '1\n' .. ARGV[14 + i * 3] .. '\n' .. ARGV[15 + i * 3], 'PXAT', ARGV[9])
  redis.call('ZADD', KEYS[3], ARGV[8], id)
  redis.call('RPUSH', KEYS[4], id)
  redis.call('PEXPIREAT', KEYS[4], ARGV[9])
  for _, index in ipairs({ KEYS[6], target }) do
    redis.call('ZADD', index, ARGV[8], id)
    redis.call('ZREMRANGEBYSCORE', index, '-inf', '(' .. (2 * ARGV[8] - ARGV[9])) -- these have vanished by now
    redis.call('PEXPIREAT', index, ARGV[9])
  end
end
redis.call('PUBLISH', ARGV[11], ARGV[1])
return { 1 }
