-- One node of a quorum: end the hold T, or undo an attempt that was to be T.
--   KEYS  K, meta, wake
--   ARGV  value, server list, T + 1, flags if there are any
--   flags u: undo, it never was a hold     w: and the caller will wait here
--         x: the locker ended without unlocking
--         e: the caller was told EOWNERDEAD and has not mended
-- Answers
--   1                done
--   {0, other, t, s} K is not that hold; other: but somebody else's; -1 - s
--                    if the node is blank, and nobody vouches for it
local K, M, W = KEYS[1], KEYS[2], KEYS[3]
local value, list, flags = ARGV[1], ARGV[2], ARGV[4]
local call = redis.call
local cur = call('GET', K)
local mine = cur == value
-- The usual case: there is a word, so there was nothing to be done but this.
-- DEL first: an out-of-memory server lets it pass, and the rest too.
if mine and not flags then
	call('DEL', K)
	if call('HSET', M, list, ARGV[3]) == 0 then return 1 end
	call('HDEL', M, list)
end
--@include _qmeta.lua
local m, q = read('t', 's', 'w', 'x', 'b')
local t, s = numbers(m[1], m[2], m[3])
local done = tonumber(ARGV[3])
local T, x, b = done - 1, m[5], tonumber(m[6])
if m[1] then open(q, t, s) end
local function flag(c)
	return flags and string.find(flags, c, 1, true)
end
local undo = flag('u')
local KEEP = '691200000'
-- The first write is one that an out-of-memory server lets pass, as is open's.
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
			b = nil
		else
			redis.call('HSET', M, 'b', text(b))
		end
	end
	if flag('e') then
		x = text(done)
		redis.call('HSET', M, 'x', x)
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
local w, now = tonumber(m[4]) or 0, 0
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
	w = 0
	-- Somebody else is at it, and may soon wait.
	if cur and not mine then signal() end
end
if x then redis.call('PERSIST', M) end
-- Nothing else to say: a word does from here on.
if mine and not flags and w == 0 and not b and not x and t <= done and
		s <= done and q == list then
	redis.call('HDEL', M, 't', 's')
	redis.call('HSET', M, list, ARGV[3])
end
if mine then return 1 end
if is_blank(t, b) then s = -1 - s end
return { 0, cur and 1 or 0, t, s }
