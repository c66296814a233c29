-- Free the lock, whoever holds it, and forget that it was not recoverable.
-- Waiters go on waiting, and the first of them gets it.
--   KEYS  K, meta, wake
--   ARGV  flags (o: only if the value of K has rl's form), ms to keep meta
-- Answers 1 if it was held, else 0.
local K, M, W = KEYS[1], KEYS[2], KEYS[3]
local KEEP = ARGV[2]
--@include _meta.lua
local cur = redis.pcall('GET', K)
-- An error: a key of another type, which is nobody's lock.
if type(cur) == 'table' then
	if ARGV[1] == 'o' then return 0 end
	return cur
end
local m = load()
if cur and ARGV[1] == 'o' and not is_ours(cur, m) then return 0 end
local held = (cur and not is_handoff(cur, m)) and 1 or 0
redis.call('DEL', K)
if m.n == 0 then
	redis.call('DEL', M, W)
	return held
end
-- Even, and not the number that the holder's own unlock would have left.
m.n = m.n + 2 + m.n % 2
m.d, m.x = 0, 0
redis.call('HDEL', M, 'q')
m.q = nil
if m.w > millis() then
	hand_off(m)
else
	m.w = 0
	redis.call('DEL', W)
end
save(m)
return held
