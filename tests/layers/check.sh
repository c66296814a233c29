#!/bin/sh
# Includes run only downward:
#
#	include/rl -> lib/posix -> lib/sync -> lib/lock -> lib/redis -> lib/base
#
# lib/lock reaches the servers through the table of base/backend.h, so it
# includes nothing of lib/redis; nor does lib/sync. Only lib/redis knows
# hiredis and OpenSSL. A public header includes public and system headers only.
#
# usage: check.sh [root of the source tree]
root=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$root" || exit 2

find include lib examples -name '*.[ch]' -o -name '*.hpp' -o -name '*.cpp' |
	sort | xargs awk '
BEGIN {
	may["base"] = " base "
	may["redis"] = " base redis "
	may["lock"] = " base lock "
	may["sync"] = " base lock sync "
	may["posix"] = " base sync posix "
	# Which public headers a layer may know: those that it implements.
	public["base"] = " api error log version "
	public["redis"] = " "
	public["lock"] = " "
	public["sync"] = " * "
	public["posix"] = " * "
}

function fail(why) {
	printf "%s:%d: %s: %s\n", FILENAME, FNR, $0, why
	failed = 1
}

function has(list, word) {
	return index(list, " " word " ") || index(list, " * ")
}

# The layer of a file, and the folder and name that an include names.
FNR == 1 {
	files++
	split(FILENAME, part, "/")
	layer = part[1] == "lib" ? part[2] : part[1]
	if (part[1] == "lib" && !(layer in may))
		fail("a folder of lib that no layer is known for")
}

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
	includes++
	text = $0
	sub(/^[^"<]*["<]/, "", text)
	sub(/[">].*/, "", text)
	folder = text
	if (!sub(/\/.*/, "", folder))
		folder = ""
	name = text
	sub(/.*\//, "", name)
	sub(/\.hp*$/, "", name)

	if ((folder == "hiredis" || folder == "openssl") && layer != "redis")
		fail("only lib/redis knows " folder)
	else if (folder in may) {
		if (layer == "include" || layer == "examples")
			fail("an internal header")
		else if (!has(may[layer], folder))
			fail("lib/" layer " may not include lib/" folder)
	} else if (folder == "rl") {
		if (layer in may && !has(public[layer], name))
			fail("lib/" layer " may not know <rl/" name ".h>")
	} else if (text ~ /\.\./)
		fail("written relative to lib/, without ..")
	else if (/"/ && (layer in may))
		fail("neither of a layer nor <a system header>")
}

END {
	if (!includes) {
		print "no include found, something is wrong here"
		exit 1
	}
	if (!failed)
		printf "%d includes in %d files, all downward\n",
			includes, files
	exit failed
}'
