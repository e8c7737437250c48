-- Erases the kept answers that tell of a verification, and counts them, if no more have come than were read.
--
-- KEYS[1] SET of the keys whose answers tell of it   KEYS[2] HASH of the erasure
-- KEYS[3..] per such key: its HASH; then what else is to be deleted
-- ARGV[1] how many such keys
--
-- Returns 1 erased; 0 there are more by now: read again.
if redis.call('SCARD', KEYS[1]) > tonumber(ARGV[1]) then return 0 end
local answers = 0
for i = 3, #KEYS do
  local deleted = redis.call('DEL', KEYS[i])
  if i - 2 <= tonumber(ARGV[1]) then answers = answers + deleted end
end
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('HINCRBY', KEYS[2], 'answers', answers) end
return 1
