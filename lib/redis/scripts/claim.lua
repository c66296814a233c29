-- Make a hold of the hand-off whose token the caller popped.
--   KEYS  K, meta, wake
--   ARGV  value, lease ms, flags (r: robust), ms to keep meta, token
-- Answers
--   {1, n, dead}, {5, n, dead}   granted, as acquire
--   {0}                          too late: the hand-off is not there any more
local K, M, W = KEYS[1], KEYS[2], KEYS[3]
local value, lease, KEEP = ARGV[1], ARGV[2], ARGV[4]
--@include _meta.lua
local cur = redis.call('GET', K)
if cur == value then return granted_before(load()) end
if cur ~= ARGV[5] then return { 0 } end
-- An out-of-memory server lets the first write pass only if it frees or
-- keeps; what follows it passes too.
redis.call('PEXPIRE', K, HANDOFF_MS)
set_k(value, lease)
local m = load()
return grant(m, string.find(ARGV[3], 'r', 1, true))
