-- Make a hold of the hand-off whose token the caller popped.
--   KEYS  K, meta
--   ARGV  value, lease ms, token, flags if there are any (r: robust, k: renew
--         the expiry of meta)
-- Answers
--   n                            granted, as acquire
--   {1, n, dead}, {5, n, dead}
--   {0}                          too late: the hand-off is not there any more
local K, M = KEYS[1], KEYS[2]
local value, lease, flags = ARGV[1], ARGV[2], ARGV[4]
local KEEP, W
local cur = redis.call('GET', K)
local done
if cur == ARGV[3] then
	done = lease == '0' and redis.pcall('SET', K, value) or
		redis.pcall('SET', K, value, 'PX', lease)
	-- Out of memory: but what follows a write that frees or keeps passes.
	if done.err then
		redis.call('PEXPIRE', K, 1000)
		done = nil
	elseif not flags or flags == 'r' then
		local v = redis.call('HINCRBY', M, 'f', '2')
		if v % 4 > 1 and v > 3 then return (v - v % 2) / 2 end
		redis.call('HINCRBY', M, 'f', '-2')
	end
end
--@include _meta.lua
if cur == value then return granted_before(load()) end
if cur ~= ARGV[3] then return { 0 } end
if not done then set_k(value, lease) end
if flags and string.find(flags, 'k', 1, true) then
	KEEP = string.format('%d', lease == '0' and 31622400000 or
		lease + 691200000)
end
return grant(load(), flags and string.find(flags, 'r', 1, true))
