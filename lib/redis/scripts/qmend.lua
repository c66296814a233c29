-- One node of a quorum: the holder T that was told EOWNERDEAD has made the
-- data consistent.
--   KEYS  K, meta
--   ARGV  value, T, ms to keep meta
-- Answers
--   {1, s}            mended; what was known before T was s
--   {2, s}            there was nothing to mend, for all this node knows
--   {0, other, t, s}  K is not that hold
local K, M = KEYS[1], KEYS[2]
local cur = redis.call('GET', K)
--@include _qmeta.lua
local m = read('t', 's', 'd')
local t, s = numbers(m[1], m[2], m[3])
if cur ~= ARGV[1] then return { 0, cur and 1 or 0, t, s } end
-- Where K was set again above what was undone, s is T: no more is known.
if not m[4] then return { 2, s < tonumber(ARGV[2]) and s or 0 } end
-- PEXPIRE first: an out-of-memory server lets it pass, and the rest too.
redis.call('PEXPIRE', M, ARGV[3])
redis.call('HDEL', M, 'd')
redis.call('HSET', M, 's', text(ARGV[2] - 1))
return { 1, s }
