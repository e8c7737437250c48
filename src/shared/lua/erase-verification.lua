-- Erases a verification with everything in its partition that tells of it, and counts it, if no more has come to it than
-- was read.
--
-- KEYS[1] STRING, the record of the verification   KEYS[2] LIST of its callbacks
-- KEYS[3] ZSET of what is due   KEYS[4] ZSET of undelivered callbacks   KEYS[5] STRING: the number's open verification
-- KEYS[6], KEYS[7], KEYS[8] ZSETs: the owner's verifications, those for the number, those with the reference (again the
--   owner's, without one)
-- KEYS[9] ZSET of the owner's callbacks   KEYS[10] HASH of the erasure's counts in this partition
-- KEYS[11..] per callback: STRING, its record; ZSET of its target's callbacks
--
-- ARGV[1] verification id   ARGV[2] epoch ms at which the counts may vanish   ARGV[3] 1 = the erasure has canceled it
-- ARGV[4] channel that is told of the change   ARGV[5..] ids of the callbacks
--
-- Returns 1 erased, now or before; 0 there is more to erase by now: read again.
local callbacks = #ARGV - 4
if redis.call('LLEN', KEYS[2]) > callbacks then return 0 end

for i = 1, callbacks do
  local callback, target, id = KEYS[9 + 2 * i], KEYS[10 + 2 * i], ARGV[4 + i]
  redis.call('DEL', callback)
  for _, index in ipairs({ KEYS[4], KEYS[9], target }) do redis.call('ZREM', index, id) end
end
if redis.call('GET', KEYS[5]) == ARGV[1] then redis.call('DEL', KEYS[5]) end
for _, i in ipairs({ 3, 6, 7, 8 }) do redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('DEL', KEYS[2])
if redis.call('DEL', KEYS[1]) == 0 then return 1 end

redis.call('HINCRBY', KEYS[10], 'verifications', 1)
redis.call('HINCRBY', KEYS[10], 'canceled', ARGV[3])
redis.call('HINCRBY', KEYS[10], 'callbacks', callbacks)
redis.call('PEXPIREAT', KEYS[10], ARGV[2])
redis.call('PUBLISH', ARGV[4], ARGV[1])
return 1
