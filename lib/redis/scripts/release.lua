-- End a hold.
--   KEYS  K, meta, wake
--   ARGV  value, flags, ms to keep meta
--   flags x: the locker ended without unlocking (its successor is to learn it)
--         e: the caller was told EOWNERDEAD and has not mended
-- Answers
--   1        done
--   {0, n}   K is not that hold; n tells the caller what became of it
local K, M, W = KEYS[1], KEYS[2], KEYS[3]
local value, flags, KEEP = ARGV[1], ARGV[2], ARGV[3]
if redis.call('GET', K) ~= value then
	local v = tonumber(redis.call('HGET', M, 'f') or '0')
	return { 0, math.floor(v / 2) }
end
-- DEL first: an out-of-memory server lets it pass, and what follows too.
redis.call('DEL', K)
local v = redis.call('HINCRBY', M, 'f', 2)
local died = string.find(flags, 'x', 1, true)
if v % 4 == 0 and not died then return 1 end
if v == 2 and not died then
	redis.call('DEL', M)
	return 1
end
--@include _meta.lua
local m = load()
if m.d ~= 0 and not died then
	if string.find(flags, 'e', 1, true) then
		m.d, m.w, m.x = 0, 0, 1
		save(m)
		tell_not_recoverable()
		return 1
	end
	-- Nobody heard that grant, or has unlocked it twice: the death is
	-- still to be told.
	died = 1
end
if v == 2 then	-- meta was lost
	m.n = 0
	start(m, 1)
end
m.d = 0
if (m.n % 2 == 1) ~= (died ~= nil) then m.n = m.n + 1 end
if m.w > millis() then
	hand_off(m)
else
	m.w = 0
end
save(m)
return 1
