-- End a hold.
--   KEYS  K, meta, wake
--   ARGV  value, flags if there are any
--   flags x: the locker ended without unlocking (its successor is to learn it)
--         e: the caller was told EOWNERDEAD and has not mended
-- Answers
--   1        done
--   2        done, and handed on; w stands for 2.5 s more
--   {0, n}   K is not that hold; n tells the caller what became of it
local K, M, W = KEYS[1], KEYS[2], KEYS[3]
local flags = ARGV[2]
local KEEP
if redis.call('GET', K) ~= ARGV[1] then
	local v = tonumber(redis.call('HGET', M, 'f') or '0')
	return { 0, math.floor(v / 2) }
end
local v = redis.pcall('HINCRBY', M, 'f', '2')
if type(v) == 'table' then
	-- An out-of-memory server lets DEL pass, and what follows it too.
	redis.call('DEL', K)
	v = redis.call('HINCRBY', M, 'f', '2')
elseif v % 4 == 0 and not flags then
	redis.call('DEL', K)
	return 1
elseif v % 4 == 1 and not flags then
	-- Somebody waits, and nobody died: the usual hand-off.
	local a = redis.call('HMGET', M, 'w', 'd')
	local t = redis.call('TIME')
	local left = (a[1] or 0) - t[1] * 1000 - t[2] / 1000
	if left > 0 and a[2] ~= '1' then
		local id = string.format('#%d', (v - 1) / 2)
		redis.call('SET', K, id, 'PX', '1000')
		if redis.call('RPUSH', W, id .. ' ' .. K) > 1 then
			redis.call('LTRIM', W, -1, -1)
		end
		redis.call('PEXPIRE', W, '1000')
		return left < 2500 and 1 or 2
	end
end
redis.call('DEL', K)
local died = flags and string.find(flags, 'x', 1, true)
if v % 4 == 0 and not died then return 1 end
if v == 2 and not died then
	redis.call('DEL', M)
	return 1
end
--@include _meta.lua
local m = load()
if m.d ~= 0 and not died then
	if flags and string.find(flags, 'e', 1, true) then
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
