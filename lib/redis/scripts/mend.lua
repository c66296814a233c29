-- The holder that was told EOWNERDEAD has made the data consistent.
--   KEYS  K, meta
--   ARGV  value, ms to keep meta
-- Answers
--   {1}      mended
--   {2}      there was nothing to mend
--   {0, n}   K is not that hold
local K, M = KEYS[1], KEYS[2]
local value, KEEP = ARGV[1], ARGV[2]
--@include _meta.lua
local m = load()
if redis.call('GET', K) ~= value then return { 0, m.n } end
if m.d == 0 then return { 2 } end
-- PEXPIRE first: an out-of-memory server lets it pass, and the rest too.
redis.call('PEXPIRE', M, KEEP)
m.d = 0
save(m)
return { 1 }
