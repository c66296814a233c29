-- What the scripts of one node of a quorum know of the lock beside K.
--
-- meta is a hash. As a rule it has but two fields:
--   q  number and fingerprint of the server list
-- and one that has this for its name, the word: "t" if t and s are the same
-- even number, "t s" if t is odd and s even. So one read and one write of a
-- text do, and another list finds nothing. Where there is more to say, the word
-- is absent and these fields say it; one that is absent means 0:
--   t  the highest number accepted. Odd: a hold has it, for all this node
--      knows. Even, T + 1: T was unlocked, or never was a hold.
--   s  what was known before t, if t was never a hold; s <= t
--   w  server time, ms, until which somebody is believed to wait here
--   d  1: the hold t was told EOWNERDEAD and has not mended
--   x  the unlock, T + 1, since which the lock is not recoverable
--   b  server time, ms, since which the node is blank: it began without meta
--      then, and so may have forgotten a hold. Negative: the holder knows of
--      none that might have been, and vouches for it
--
-- What the node knows of the last hold is t if that is odd, else s: an odd
-- number T is a hold that has not been unlocked, T + 1 that it has been.

-- A word stands beside K of a hold only where they were set together: whatever
-- else sets K, or t beside it, opens the word. So a release that has the number
-- of its hold, and finds its K and a word, need not read it.

local WAIT_MS = 3000
local TOKEN_MS = 1000
-- Who waits says so each second: after this he does not wait any more.
local SILENT_MS = 1500
-- Attempts that were under way when the node forgot are over by then.
local BLANK_MS = 100

local function millis()
	local t = redis.call('TIME')
	return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function text(n)
	return string.format('%.0f', n)
end

-- The word, whichever list it is of, then these fields; and the list.
local function read(...)
	local list = redis.call('HGET', M, 'q')
	local m = redis.call('HMGET', M, list or 'q', ...)
	m[1] = list and m[1]
	return m, list
end

-- Of the word, or t and s.
local function numbers(word, t, s)
	if word then
		t, s = string.match(word, '^(%d+) ?(%d*)$')
		if s == '' then s = t end
	end
	return tonumber(t) or 0, tonumber(s) or 0
end

-- From here on the fields say it.
local function open(list, t, s)
	redis.call('HDEL', M, list)
	redis.call('HSET', M, 't', text(t), 's', text(s))
end

-- Of t and b: whether this node may have forgotten what others count on.
local function is_blank(t, b)
	return t == 0 or (b and tonumber(b) > 0)
end

local function last(t, s)
	return t % 2 == 1 and t or s
end

local function is_ours(v)
	local kind, nonce = string.match(v, '^(%l+):.+#(%x+)$')
	return nonce and #nonce == 16 and
		(kind == 'thrd' or kind == 'proc' or
		kind == 'host' or kind == 'name')
end

-- With 'NX': false if it is there.
local function set_k(value, lease, nx)
	if lease == '0' and nx then return redis.call('SET', K, value, nx) end
	if lease == '0' then return redis.call('SET', K, value) end
	if nx then return redis.call('SET', K, value, 'PX', lease, nx) end
	return redis.call('SET', K, value, 'PX', lease)
end

-- Wakes one waiter. A token that lies there says that nobody is blocked; it
-- stays for one whose BLPOP is on its way.
local function signal()
	if redis.call('RPUSH', W, '! ' .. K) > 1 then
		redis.call('LTRIM', W, -1, -1)
	end
	redis.call('PEXPIRE', W, TOKEN_MS)
end

-- Somebody waits here.
local function note_waiter()
	redis.call('HSET', M, 'w', text(millis() + WAIT_MS))
end
