-- One node of a quorum: start the lease of the hold T anew.
--   KEYS  K, meta
--   ARGV  value, lease ms (0: none from now on), flags, ms to keep meta, T,
--         server list
--   flags a: value is "id#", any hold of that owner   l: never shorten
--         k: renew the expiry of meta
--         t: say whether somebody waits
--         p: repair; a majority has confirmed the hold, so a node that has
--            no K gets it again, unless something above T is open there, or
--            was unlocked
-- Answers
--   {1, left, waits}  done; what is left of the lease, ms, -1 for ever
--   {0, other, t, s}  K is not that hold; other: but somebody else's; -1 - s
--                     if the node is blank, and nobody vouches for it
local K, M = KEYS[1], KEYS[2]
local value, lease, flags = ARGV[1], ARGV[2], ARGV[3]
local function flag(c)
	return string.find(flags, c, 1, true)
end
local cur = redis.call('GET', K)
local mine = cur == value
if not mine and cur and flag('a') then
	mine = #cur == #value + 16 and string.sub(cur, 1, #value) == value
end
local left = tonumber(lease)
if mine then
	local had = redis.call('PTTL', K)
	if left == 0 then
		redis.call('PERSIST', K)
		left = -1
	elseif not flag('l') or (had >= 0 and had < left) then
		redis.call('PEXPIRE', K, lease)
	else
		left = had
	end
	if flag('k') then redis.call('PEXPIRE', M, ARGV[4]) end
	local w = flag('t') and redis.call('HGET', M, 'w')
	if w and w - redis.call('TIME')[1] * 1000 <= 0 then w = false end
	return { 1, left, w and 1 or 0 }
end
--@include _qmeta.lua
local T = tonumber(ARGV[5])
local m, list = read('t', 's', 'f', 'x', 'b')
local t, s = numbers(m[1], m[2], m[3])
if cur or not flag('p') or (t > T and t % 2 == 1) or s > T or
		(tonumber(m[5]) or 0) > T or
		(list ~= ARGV[6] and (list or m[4])) then
	if is_blank(t, m[6]) then s = -1 - s end
	return { 0, cur and 1 or 0, t, s }
end
redis.call('DEL', K)
if left == 0 then left = -1 end
set_k(value, lease)
if m[1] then open(list, t, s) end
if t == 0 and not m[6] then redis.call('HSET', M, 'b', text(millis())) end
if t < T then
	if t % 2 == 1 then s = t end
	redis.call('HSET', M, 't', text(T), 's', text(s), 'q', ARGV[6])
	redis.call('HDEL', M, 'x', 'd')
elseif t > T then
	-- What was undone above T is refused as before: t stays.
	redis.call('HSET', M, 's', text(T))
	redis.call('HDEL', M, 'x', 'd')
end
redis.call('PEXPIRE', M, ARGV[4])
return { 1, left, 0 }
