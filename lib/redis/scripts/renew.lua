-- Start the lease of a hold anew.
--   KEYS  K, meta
--   ARGV  value, lease ms (0: none from now on), flags if there are any
--   flags a: value is "id#", any hold of that owner   l: never shorten
--         k: renew the expiry of meta   p: say whether somebody waits
-- Answers
--   {1, left}   done; what is left of the lease, ms, -1 for ever
--   {1, left, waits}   the same; 0: nobody is believed to wait
--   {0, n}      K is not that hold; n tells the caller what became of it
local K, M = KEYS[1], KEYS[2]
local value, lease, flags = ARGV[1], ARGV[2], ARGV[3] or ''
local cur = redis.call('GET', K)
local mine = cur == value
if not mine and cur and string.find(flags, 'a', 1, true) then
	mine = #cur == #value + 16 and string.sub(cur, 1, #value) == value
end
if not mine then
	local v = tonumber(redis.call('HGET', M, 'f') or '0')
	return { 0, math.floor(v / 2) }
end
local left = tonumber(lease)
local shorten = not string.find(flags, 'l', 1, true)
local had = redis.call('PTTL', K)
if left == 0 then
	redis.call('PERSIST', K)
	left = -1
elseif shorten or (had >= 0 and had < left) then
	redis.call('PEXPIRE', K, lease)
else
	left = had
end
if string.find(flags, 'k', 1, true) then
	redis.call('PEXPIRE', M, string.format('%d', lease == '0' and
		31622400000 or lease + 691200000))
end
if string.find(flags, 'p', 1, true) then
	return { 1, left, tonumber(redis.call('HGET', M, 'w') or '0') }
end
return { 1, left }
