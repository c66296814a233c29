-- Take K if it is free, else say why not.
--   KEYS  K, meta, wake
--   ARGV  value, lease ms (0: none), flags if there are any
--   flags t: the caller will not wait   r: robust   s: share a REFRESH hold of
--         the same owner                k: renew the expiry of meta
-- Answers
--   n                     granted, fence n, the owner before had unlocked
--   {1, n, dead, w}       granted; w not 0: somebody may wait
--   {5, n, dead}          granted by this request before
--   {2, n, 0, nonce}      the owner's REFRESH hold, its lease begun anew
--   {0, left, whose}      busy; left in ms, -1 for ever; by rl (0), a foreign
--                         client (1), a process that can be recalled (2)
--   {3}                   not recoverable
--   {4}                   used with a quorum of servers
local K, M, W = KEYS[1], KEYS[2], KEYS[3]
local value, lease, flags = ARGV[1], ARGV[2], ARGV[3]
local KEEP
if flags and string.find(flags, 'k', 1, true) then
	KEEP = string.format('%d', lease == '0' and 31622400000 or
		lease + 691200000)
end
local free
if lease == '0' then
	free = redis.call('SET', K, value, 'NX')
else
	free = redis.call('SET', K, value, 'NX', 'PX', lease)
end
local cur
if free then
	local v = redis.pcall('HINCRBY', M, 'f', '2')
	if type(v) == 'table' then
		redis.call('DEL', K)
		return v
	end
	if v % 4 == 2 and v > 2 then
		if KEEP then redis.call('PEXPIRE', M, KEEP) end
		return v / 2
	end
else
	cur = redis.call('GET', K)
	-- One more waits for a hold of rl's that others wait for already: `w`
	-- is noted, but only if little is left of it.
	if (not flags or flags == 'r') and cur ~= value and string.byte(cur, -17) == 35 and
			string.find(cur, '^%l%l%l%l:..*#%x+$') and
			string.find('thrd proc host name', string.sub(cur, 1, 4)
				, 1, true) then
		local a = redis.call('HMGET', M, 'f', 'w', 'q')
		if a[2] and not a[3] and a[1] % 4 == 3 then
			local t = redis.call('TIME')
			local now = t[1] * 1000 + math.floor(t[2] / 1000)
			if a[2] - now < 2500 then
				redis.call('HSET', M, 'w', string.format('%d',
					now + 3000))
			end
			local c = string.byte(cur, -16)
			return { 0, redis.call('PTTL', K),
				c > 51 and c < 56 and 2 or 0 }
		end
	end
end
--@include _meta.lua
local function flag(c)
	return flags and string.find(flags, c, 1, true)
end
if free then
	local m = load()
	m.n = m.n - 1
	if m.q or m.x ~= 0 then
		redis.call('DEL', K)
		redis.call('HINCRBY', M, 'f', -2)
		if m.q then return { 4 } end
		tell_not_recoverable()
		return { 3 }
	end
	local now = millis()
	if m.w > now then
		start(m, 0)
		m.n = m.n + 2
		if not flag('t') then m.w = now + WAIT_MS end
		hand_off(m)
		save(m)
		return { 0, HANDOFF_MS, 0 }
	end
	m.w = 0
	return grant(m, flag('r'))
end
local m = load()
if cur == value then return granted_before(m) end
if m.q then return { 4 } end
if is_handoff(cur, m) and redis.call('LLEN', W) > 0 then
	redis.call('DEL', W)
	set_k(value, lease)
	-- Nobody is blocked, but a BLPOP may be on its way.
	if m.w - millis() < NOTED_MS - SILENT_MS then m.w = 0 end
	return grant(m, flag('r'))
end
local ours = is_ours(cur, m)
local id = #value - 16
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
	return { 2, m.n, 0, string.sub(cur, id + 1) }
end
if not flag('t') then
	start(m, ours and 1 or 0)
	m.w = millis() + WAIT_MS
	save(m)
end
return { 0, redis.call('PTTL', K), ours and is_delegated(cur) or 1 }
