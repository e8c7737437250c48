-- Drops the note of which verification is open for a number, if it still names this one.
--
-- KEYS[1] STRING: the open verification of a key name and number   ARGV[1] verification id
--
-- Returns 1 dropped; 0 it names another one, or none.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
