-- One node of a quorum: who holds the lock. Changes nothing.
--   KEYS  K, meta
--   Answers {n, s, d, value of K or "" if free}; n is what is known of the
--   last hold, d 1 if that was told EOWNERDEAD and has not mended; and the
--   age of a blank node, ms
local m = redis.call('HMGET', KEYS[2], 't', 's', 'd', 'b')
local t, s = tonumber(m[1]) or 0, tonumber(m[2]) or 0
local n = t % 2 == 1 and t or s
-- Where K was set again, s is that hold: what was before it is not known.
if t % 2 == 0 and s % 2 == 1 then s = 0 end
local age
if not m[1] or m[4] then
	local time = redis.call('TIME')
	local now = time[1] * 1000 + math.floor(time[2] / 1000)
	age = now - math.abs(m[4] or now)
end
return { n, s, tonumber(m[3]) or 0, redis.call('GET', KEYS[1]) or '', age }
