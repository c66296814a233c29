-- Who holds the lock. Changes nothing.
--   KEYS  K, meta
--   Answers {value of K or "" if free, n}
local v = tonumber(redis.call('HGET', KEYS[2], 'f') or '0')
return { redis.call('GET', KEYS[1]) or '', math.floor(v / 2) }
