-- One node of a quorum: end the hold T, or undo an attempt that was to be T.
--   KEYS  K, meta, wake
--   ARGV  value, T, flags if there are any
--   flags u: undo, it never was a hold     w: and the caller will wait here
--         x: the locker ended without unlocking
--         e: the caller was told EOWNERDEAD and has not mended
-- Answers
--   1                done
--   {0, other, t, s} K is not that hold; other: but somebody else's; -1 - s
--                    if the node is blank, and nobody vouches for it
local K, M, W = KEYS[1], KEYS[2], KEYS[3]
local value, flags = ARGV[1], ARGV[3]
local cur = redis.call('GET', K)
local m = redis.call('HMGET', M, 't', 'w', 'd', 'b')
local mine = cur == value
if mine and not flags and m[1] == ARGV[2] and not m[2] and not m[3] and
		not m[4] then
	redis.call('DEL', K)
	local done = string.format('%.0f', ARGV[2] + 1)
	redis.call('HSET', M, 't', done, 's', done)
	return 1
end
local b = tonumber(m[4])
m = redis.call('HMGET', M, 't', 's', 'w', 'd', 'x')
local T, t, s = tonumber(ARGV[2]), tonumber(m[1]) or 0, tonumber(m[2]) or 0
--@include _qmeta.lua
local function flag(c)
	return flags and string.find(flags, c, 1, true)
end
local undo = flag('u')
local KEEP = '691200000'
-- The first write is one that an out-of-memory server lets pass.
if mine and not (undo and t % 2 == 1 and t > T) then
	redis.call('DEL', K)
else
	redis.call('PEXPIRE', M, KEEP)
end
local function set(new_t, new_s)
	redis.call('HSET', M, 't', text(new_t), 's', text(new_s))
	if t == 0 then
		redis.call('HSET', M, 'b', text(b or millis()))
		redis.call('PEXPIRE', M, KEEP)
	end
end
local done = T + 1
if flag('x') then done = T end
if not undo and (mine or s < done) then
	-- Settled here, too, if K is not: the next majority may have nobody
	-- else to hear it from. What is above T is another's, and stays.
	set(math.max(t, done), math.max(s, done))
	if mine then redis.call('HDEL', M, 'd') end
	-- It had a majority, so there is nothing else to be known.
	if mine and b then
		b = math.abs(b)
		if millis() >= b + BLANK_MS then
			redis.call('HDEL', M, 'b')
		else
			redis.call('HSET', M, 'b', text(b))
		end
	end
	if flag('e') then
		m[5] = text(done)
		redis.call('HSET', M, 'x', m[5])
	end
elseif undo and mine then
	-- It never was: what was known before is known again.
	if t <= T then set(done, s) end
	if b and b < 0 then redis.call('HSET', M, 'b', text(-b)) end
elseif undo and not cur and t < T then
	-- The request may still come: it is to be refused. (If t is T, that
	-- may be another's.)
	set(done, last(t, s))
end
local w, now = tonumber(m[3]) or 0, 0
if w ~= 0 then now = millis() end
if flag('w') then
	note_waiter()
elseif undo then
	-- What nobody had, nobody waited for.
elseif w > now then
	local lies = redis.call('EXISTS', W) == 1
	signal()
	if lies and w < now + WAIT_MS - SILENT_MS then
		redis.call('HDEL', M, 'w')
	end
else
	if w ~= 0 then redis.call('HDEL', M, 'w') end
	-- Somebody else is at it, and may soon wait.
	if cur and not mine then signal() end
end
if m[5] then redis.call('PERSIST', M) end
if mine then return 1 end
if is_blank(m[1], b) then s = -1 - s end
return { 0, cur and 1 or 0, t, s }
