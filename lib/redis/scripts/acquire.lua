-- Take K if it is free, else say why not.
--   KEYS  K, meta, wake
--   ARGV  value, lease ms (0: none), flags, ms to keep meta, length of "id#"
--   flags w: note that the caller will wait   r: robust   s: share a REFRESH
--         hold of the same owner              k: renew the expiry of meta
-- Answers
--   n                     granted, fence n, the owner before had unlocked
--   {1, n, dead}          granted
--   {5, n, dead}          granted by this request before
--   {2, n, 0, nonce}      the owner's REFRESH hold, its lease begun anew
--   {0, left, foreign}    busy; left in ms, -1 for ever
--   {3}                   not recoverable
--   {4}                   used with a quorum of servers
local K, M, W = KEYS[1], KEYS[2], KEYS[3]
local value, lease, flags, KEEP = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local free
if lease == '0' then
	free = redis.call('SET', K, value, 'NX')
else
	free = redis.call('SET', K, value, 'NX', 'PX', lease)
end
if free then
	local v = redis.pcall('HINCRBY', M, 'f', 2)
	if type(v) == 'table' then
		redis.call('DEL', K)
		return v
	end
	if v % 4 == 2 and v > 2 then
		if flags ~= '' and string.find(flags, 'k', 1, true) then
			redis.call('PEXPIRE', M, KEEP)
		end
		return v / 2
	end
end
--@include _meta.lua
local function flag(c)
	return string.find(flags, c, 1, true)
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
		if flag('w') then m.w = now + WAIT_MS end
		hand_off(m)
		save(m)
		return { 0, HANDOFF_MS, 0 }
	end
	m.w = 0
	return grant(m, flag('r'))
end
local cur = redis.call('GET', K)
local m = load()
if cur == value then return granted_before(m) end
if m.q then return { 4 } end
if is_handoff(cur, m) and redis.call('LLEN', W) > 0 then
	redis.call('DEL', W)
	set_k(value, lease)
	-- Nobody is blocked, but a BLPOP may be on its way.
	if m.w - millis() < WAIT_MS - SILENT_MS then m.w = 0 end
	return grant(m, flag('r'))
end
local ours = is_ours(cur, m)
local id = tonumber(ARGV[5])
if flag('s') and ours and #cur == id + 16 and
		string.sub(cur, 1, id) == string.sub(value, 1, id) and
		string.find(cur, '^[89a-f]', id + 1) then
	if lease == '0' then
		redis.call('PERSIST', K)
	else
		redis.call('PEXPIRE', K, lease)
	end
	return { 2, m.n, 0, string.sub(cur, id + 1) }
end
if flag('w') then
	start(m, ours and 1 or 0)
	m.w = millis() + WAIT_MS
	save(m)
end
return { 0, redis.call('PTTL', K), ours and 0 or 1 }
