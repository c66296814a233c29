-- One node of a quorum: the question of a process whose threads wait.
--   KEYS  K, meta, wake
--   ARGV  flags, ms to keep meta, server list
--   flags w: they wait here
--         p: wake a waiter if the lock is free here
--         m: a majority is free: wake a waiter though K may be here still, of
--            a holder that this node has not heard of since
-- Answers
--   {0, left, foreign, n, value}  held by value, "" if free; left in ms, -1
--                                 for ever; n what is known of the last hold;
--                                 and the age of a blank node, ms
--   {3, x}                        not recoverable since x
--   {4}                           used with another list of servers
local K, M, W = KEYS[1], KEYS[2], KEYS[3]
local flags = ARGV[1]
--@include _qmeta.lua
local m, list = read('t', 's', 'f', 'x', 'w', 'b')
local t, s = numbers(m[1], m[2], m[3])
if list ~= ARGV[3] and (list or m[4]) then return { 4 } end
local born, age = tonumber(m[7])
if t == 0 or born then age = millis() - math.abs(born or millis()) end
local cur = redis.call('GET', K)
if not cur and m[5] then
	if redis.call('EXISTS', W) == 0 then signal() end
	return { 3, tonumber(m[5]) }
end
-- The first write is one that an out-of-memory server lets pass.
redis.call('PEXPIRE', M, ARGV[2])
if m[6] or string.find(flags, 'w', 1, true) then
	if m[1] then open(list, t, s) end
	note_waiter()
	-- It may be new, for K is somebody else's.
	if t == 0 then redis.call('PEXPIRE', M, ARGV[2]) end
end
local free = string.find(flags, 'm', 1, true)
if (free or not cur and string.find(flags, 'p', 1, true)) and
		redis.call('EXISTS', W) == 0 then
	signal()
end
if cur then
	return { 0, redis.call('PTTL', K), is_ours(cur) and 0 or 1,
		last(t, s), cur, age }
end
return { 0, 0, 0, last(t, s), '', age }
