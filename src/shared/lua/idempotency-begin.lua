-- Takes an idempotency key for a request, unless it is taken already.
--
-- KEYS[1] HASH of the key: fingerprint, token, and once answered: status, location, body
-- ARGV[1] fingerprint of the request   ARGV[2] token of this request   ARGV[3] how long an unanswered request holds it, ms
--
-- Returns {'begun'} it is ours (also when this very call came twice); {'other_body'}; {'in_use'};
--         {'answered', status, location, body}.
local fingerprint, token, status, location, body =
  unpack(redis.call('HMGET', KEYS[1], 'fingerprint', 'token', 'status', 'location', 'body'))
if not fingerprint then
  redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'token', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return { 'begun' }
end
if fingerprint ~= ARGV[1] then return { 'other_body' } end
if status then return { 'answered', status, location or '', body } end
if token == ARGV[2] then return { 'begun' } end
return { 'in_use' }
