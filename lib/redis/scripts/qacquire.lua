-- One node of a quorum: take K under the number T if it is free, else say
-- why not.
--   KEYS  K, meta, wake
--   ARGV  value, lease ms (0: none), T, server list, flags, the highest number
--         that is known to be true; the last two, or one, are left out where
--         there are none, or none is asked for
--   flags w: note that the caller will wait here   r: robust   s: share a
--         REFRESH hold of the same owner           k: renew meta's expiry
--         v: a grant is to count although this node is blank
-- Answers
--   n                     granted; n is what was known of the last hold
--   {7, n, age}           the same, but the node is blank: there may have been
--                         more to know; for so long, ms
--   {2, n, 0, nonce}      the owner's REFRESH hold n, its lease not shorter now
--   {0, left, foreign, n} busy; left in ms, -1 for ever; n as above; and the
--                         age of a blank node
--   {3, x}                not recoverable since x
--   {4}                   used with another list of servers
--   {6, t, n}             T is not above t
local K, M = KEYS[1], KEYS[2]
local value, lease, T, list, flags = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local call = redis.call
local word = call('HGET', M, list)
-- The usual case, before any function is made: an even number alone.
local free
local t = tonumber(word)
if t and T - t > 0 then
	if lease == '0' then
		free = call('SET', K, value, 'NX')
	else
		free = call('SET', K, value, 'NX', 'PX', lease)
	end
	if free and (not flags or flags == 'w' or
			not string.find(flags, 'k', 1, true)) then
		call('HSET', M, list, T .. ' ' .. word)
		return t
	end
end
local W = KEYS[3]
--@include _qmeta.lua
local function flag(c)
	return flags and string.find(flags, c, 1, true)
end
-- A week and a day behind the lease.
local function keep()
	call('PEXPIRE', M, string.format('%.0f', lease == '0' and
		31622400000 or lease + 691200000))
end
if free then
	call('HSET', M, list, T .. ' ' .. word)
	keep()
	return t
end
local m = word and {} or call('HMGET', M, 't', 's', 'q', 'x', 'd', 'b')
if not word and m[3] ~= list and (m[3] or call('HGET', M, 'f')) then
	return { 4 }
end
local s
t, s = numbers(word, m[1], m[2])
local new = tonumber(T)
if free == nil and new > t and not m[4] then
	free = set_k(value, lease, 'NX')
end
-- Only a blank node needs the time.
local born = tonumber(m[6])
local function age()
	local time = redis.call('TIME')
	local now = time[1] * 1000 + math.floor(time[2] / 1000)
	return now - math.abs(born or now), now
end
local function bear(moment)
	redis.call('HSET', M, 'b', string.format('%.0f', moment))
end
-- What it says with a grant.
local function granted()
	if t ~= 0 and not born then return s end
	local old, now = age()
	if lease ~= '0' and old >= tonumber(lease) then
		redis.call('HDEL', M, 'b')
		return s
	end
	bear(flag('v') and old - now or now - old)
	return { 7, s, old }
end
if free and not word and t % 2 == 0 and m[3] and not m[5] then
	redis.call('HSET', M, 't', T)
	if flag('k') then keep() end
	return granted()
end
if free then
	if word then redis.call('HDEL', M, list) end
	if m[5] then redis.call('HDEL', M, 'd') end
	if t % 2 == 1 then
		s = t
		if flag('r') then redis.call('HSET', M, 'd', 1) end
	end
	redis.call('HSET', M, 't', T, 's', text(s), 'q', list)
	keep()
	return granted()
end
local cur = redis.call('GET', K)
if cur == value then
	-- Sent again, or once more with a higher number.
	if new < t then return { 6, t, s } end
	if new > t then
		if word then open(list, t, s) end
		set_k(value, lease)
		redis.call('HSET', M, 't', T)
	end
	return granted()
end
local x = tonumber(m[4]) or 0
if not cur and x > (tonumber(ARGV[6]) or 0) then
	if flag('w') and redis.call('EXISTS', W) == 0 then signal() end
	return { 3, x }
end
if not cur then
	if new <= t then return { 6, t, last(t, s) } end
	-- A reset or a later hold, which this node missed, has overruled x.
	s = last(t, s)
	if s < x then s = x end
	set_k(value, lease)
	redis.call('HSET', M, 't', T, 's', text(s), 'q', list)
	redis.call('HDEL', M, 'x', 'd')
	keep()
	return granted()
end
local id = #value - 16
local ours = is_ours(cur)
if flag('s') and ours and #cur == #value and
		string.sub(cur, 1, id) == string.sub(value, 1, id) and
		string.find(cur, '^[89a-f]', id + 1) then
	-- Others count on the lease that it has: it may only become longer.
	local had = redis.call('PTTL', K)
	if lease == '0' then
		redis.call('PERSIST', K)
	elseif had >= 0 and had < tonumber(lease) then
		redis.call('PEXPIRE', K, lease)
	end
	return { 2, last(t, s), 0, string.sub(cur, id + 1) }
end
if flag('w') then
	if word then open(list, t, s) end
	note_waiter()
	if t == 0 then keep() end
end
local busy = { 0, redis.call('PTTL', K), ours and 0 or 1, last(t, s) }
if t == 0 or born then
	local old, now = age()
	if not born then
		bear(now)
		keep()
	end
	busy[5] = old
end
return busy
