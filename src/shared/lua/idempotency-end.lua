-- Keeps the answer of the request that holds an idempotency key, or frees the key.
--
-- KEYS[1] HASH of the key   KEYS[2] SET of the keys whose answers tell of the same verification; none, to free the key
-- ARGV[1] token of the request   ARGV[2] how long to keep the answer, ms, or '' = free the key
-- ARGV[3] status   ARGV[4] location   ARGV[5] body   ARGV[6] what KEYS[2] calls the key
--
-- Returns 1 done; 0 the key is no longer this request's.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'status', ARGV[3], 'location', ARGV[4], 'body', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SADD', KEYS[2], ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
