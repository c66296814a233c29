-- What every script knows of the lock beside K. Included behind the fast
-- paths, so that a call that takes one pays nothing for it.
--
-- meta is a hash. Field f holds 2 n + look:
--   n     counts. Odd: the last hold has not been unlocked, and n is its
--         fence. Even: it has, or there was none.
--   look  1 if any other field is not 0.
-- The other fields, absent meaning 0:
--   w     server time, ms, until which somebody is believed to wait
--   d     1: the present hold was told EOWNERDEAD and has not mended; n is odd
--   x     1: not recoverable
--   q     quorum: number and fingerprint of the server list
--
-- meta gets its expiry when it is made and from those who ask for it (flag k,
-- ask); what a hold changes in it leaves the expiry alone.
--
-- K is `id#nonce` while held, `#n` during a hand-off, absent when free.
--
-- Numbers become text by '%d' (a long, exact), or as numbers given to
-- redis.call ('%.17g'): never through tostring, which keeps 14 digits.

local WAIT_MS = 3000
-- The least that is left of it when somebody goes into the line: acquire
-- leaves 2500, and who goes there soon after a release does not ask.
local NOTED_MS = 2400
local HANDOFF_MS = 1000
-- Who waits says so each second: after this he does not wait any more.
local SILENT_MS = 1500

local function micros()
	local t = redis.call('TIME')
	return t[1] * 1000000 + t[2]
end

local function millis()
	return math.floor(micros() / 1000)
end

local function load()
	local a = redis.call('HMGET', M, 'f', 'w', 'd', 'x', 'q')
	return {
		n = math.floor((tonumber(a[1]) or 0) / 2),
		w = tonumber(a[2]) or 0,
		d = tonumber(a[3]) or 0,
		x = tonumber(a[4]) or 0,
		q = a[5],
	}
end

local function save(m)
	local look = 0
	if m.w ~= 0 or m.d ~= 0 or m.x ~= 0 or m.q then look = 1 end
	redis.call('HSET', M, 'f', string.format('%d', 2 * m.n + look),
		'w', string.format('%d', m.w), 'd', m.d, 'x', m.x)
	if m.x ~= 0 then
		redis.call('PERSIST', M)
	elseif m.fresh or KEEP then
		redis.call('PEXPIRE', M, KEEP or 777600000)
	end
end

-- A count that is absent starts at the time: above all it ever was.
local function start(m, odd)
	if m.n == 0 then
		m.n = math.floor(micros() / 2) * 2 + odd
		m.fresh = true
	end
end

local function handoff_id(m)
	return string.format('#%d', m.n)
end

-- With its number: a value of somebody else may begin with a '#' too.
local function is_handoff(v, m)
	return v == handoff_id(m)
end

local function is_ours(v, m)
	local kind, nonce = string.match(v, '^(%l+):.+#(%x+)$')
	return is_handoff(v, m) or (nonce and #nonce == 16 and
		(kind == 'thrd' or kind == 'proc' or
		kind == 'host' or kind == 'name'))
end

-- 2 if its process can be recalled; v is ours
local function is_delegated(v)
	return string.find(v, '^%l.*#[4-7]%x*$') and 2 or 0
end

-- The token names its K; only the newest one may be in the list.
local function push(token)
	if redis.call('RPUSH', W, token .. ' ' .. K) > 1 then
		redis.call('LTRIM', W, -1, -1)
	end
	redis.call('PEXPIRE', W, HANDOFF_MS)
end

-- The caller has made n a number that no hand-off had before.
local function hand_off(m)
	local id = handoff_id(m)
	redis.call('SET', K, id, 'PX', HANDOFF_MS)
	push(id)
end

-- Nobody will get this lock: each waiter learns it, one wakes the next.
local function tell_not_recoverable()
	if redis.call('EXISTS', W) == 0 then push('!') end
end

local function set_k(value, lease)
	if lease == '0' then
		redis.call('SET', K, value)
	else
		redis.call('SET', K, value, 'PX', lease)
	end
end

-- A new hold: K is already set. Answers its fence and whether the one before
-- had not been unlocked.
local function grant(m, robust)
	local dead = m.n % 2
	start(m, 0)
	m.n = m.n + 1 + dead
	m.d = 0
	if dead == 1 and robust then m.d = 1 end
	save(m)
	return { 1, m.n, dead, m.w }
end

-- The same request again, after its answer was lost.
local function granted_before(m)
	if m.n == 0 then
		start(m, 1)
		save(m)
	end
	return { 5, m.n, m.d }
end
