-- One node of a quorum: who holds the lock. Changes nothing.
--   KEYS  K, meta
--   Answers {n, s, d, value of K or "" if free}; n is what is known of the
--   last hold, d 1 if that was told EOWNERDEAD and has not mended; and the
--   age of a blank node, ms
local M = KEYS[2]
--@include _qmeta.lua
local m = read('t', 's', 'd', 'b')
local t, s = numbers(m[1], m[2], m[3])
local n = last(t, s)
-- Where K was set again, s is that hold: what was before it is not known.
if t % 2 == 0 and s % 2 == 1 then s = 0 end
local age
if t == 0 or m[5] then age = millis() - math.abs(m[5] or millis()) end
return { n, s, tonumber(m[4]) or 0, redis.call('GET', KEYS[1]) or '', age }
