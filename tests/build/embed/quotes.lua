local s = "a\\b" .. 'c"d' .. "e'f" .. "??=" .. "%d;" .. "\t|	|"
return s .. "${x}@x@" .. "\n"
