-- One node of a quorum: who holds the lock. Changes nothing.
--   KEYS  K, meta
--   Answers {n, s, d, value of K or "" if free}; n is what is known of the
--   last hold, d 1 if that was told EOWNERDEAD and has not mended
local m = redis.call('HMGET', KEYS[2], 't', 's', 'd')
local t, s = tonumber(m[1]) or 0, tonumber(m[2]) or 0
return { t % 2 == 1 and t or s, s, tonumber(m[3]) or 0,
	redis.call('GET', KEYS[1]) or '' }
