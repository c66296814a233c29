-- One node of a quorum: free the lock, whoever holds it, and forget that it
-- was not recoverable, and for which list of servers it was.
--   KEYS  K, meta, wake
--   ARGV  T, flags (o: only if the value of K has rl's form), ms to keep meta
-- Answers
--   {1, held}   done; whether it was held
--   {6, t}      T is not above t
local K, M, W = KEYS[1], KEYS[2], KEYS[3]
--@include _qmeta.lua
local cur = redis.pcall('GET', K)
-- An error: a key of another type, which is nobody's lock.
if type(cur) == 'table' then
	if ARGV[2] == 'o' then return { 1, 0 } end
	return cur
end
if cur and ARGV[2] == 'o' and not is_ours(cur) then return { 1, 0 } end
local held = cur and 1 or 0
if redis.call('EXISTS', M) == 0 then
	redis.call('DEL', K, W)
	return { 1, held }
end
local m = read('t', 'w')
local t, w = numbers(m[1], m[2]), tonumber(m[3]) or 0
if tonumber(ARGV[1]) <= t then return { 6, t } end
redis.call('DEL', K, M)
local even = text(ARGV[1] + 1)
redis.call('HSET', M, 't', even, 's', even)
if w > millis() then
	redis.call('HSET', M, 'w', text(w))
	signal()
else
	redis.call('DEL', W)
end
redis.call('PEXPIRE', M, ARGV[3])
return { 1, held }
