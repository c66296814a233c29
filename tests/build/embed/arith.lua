--@include _shared.lua

-- A comment.
	-- An indented one.
local t = {[1] = 20; [2] = 1}	-- stays, it is not alone on its line

if t[2] == 1 then
	return twice(t[1]) + #ARGV[1]
end
