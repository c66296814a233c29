-- The question of a process whose threads wait: once a second, and when the
-- lease of the holder ends. Says that it still waits, and repairs what was
-- lost: a lock that nobody holds is handed to the first waiter.
--   KEYS  K, meta, wake
--   ARGV  ms to keep meta
-- Answers
--   {0, left, foreign, value}   held by value, or handed off; left in ms,
--                               -1 for ever
--   {3}                         not recoverable
--   {4}                         used with a quorum of servers
local K, M, W = KEYS[1], KEYS[2], KEYS[3]
local KEEP = ARGV[1]
--@include _meta.lua
local m = load()
if m.q then return { 4 } end
-- The first write is one that an out-of-memory server lets pass.
redis.call('PEXPIRE', M, KEEP)
local cur = redis.call('GET', K)
m.w = millis() + WAIT_MS
if cur then
	local ours = is_ours(cur, m)
	start(m, ours and 1 or 0)
	save(m)
	return { 0, redis.call('PTTL', K), ours and 0 or 1, cur }
end
if m.x ~= 0 then
	m.w = 0
	save(m)
	tell_not_recoverable()
	return { 3 }
end
start(m, 0)
m.n = m.n + 2
hand_off(m)
save(m)
return { 0, HANDOFF_MS, 0, '' }
