#!/bin/sh
# demo.sh BUILD_DIR
#
# Runs tally, a program that knows nothing of rl, as 4 processes of 4 threads
# on one file: as it is, with rlock preload, and compiled with rl/pthread.h.
# Needs a server (RL_SERVERS). Exit status 0: both runs with rl were exact.
set -u

build=${1:?usage: demo.sh BUILD_DIR}
tally=$build/examples/unaware/tally
recompiled=$build/examples/unaware/tally_recompiled
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
rounds=250
right=$((4 * 4 * rounds))

# count COMMAND...: 4 processes at once; prints what is in the file then
count() {
	rm -f "$dir/number"
	pids=
	for i in 1 2 3 4; do
		"$@" "$dir/number" 4 $rounds &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || exit 2
	done
	cat "$dir/number"
}

# Updates are only lost when two overlap; one round might have been lucky.
for try in 1 2 3 4 5; do
	alone=$(count "$tally") || exit 2
	[ "$alone" = $right ] || break
done
bound=$(count "$build/tools/rlock" preload --bind tally_lock=tally -- \
	"$tally") || exit 2
compiled=$(RL_NAMESPACE=demo count "$recompiled") || exit 2

echo
echo "4 processes of 4 threads add 1 to the number in a file, $right times,"
echo "each under its mutex. The program (examples/unaware/tally.c) does not"
echo "know of rl:"
echo
printf '%-42s %6d  lost %d\n' \
	"as it is" "$alone" $((right - alone)) \
	"rlock preload --bind tally_lock=tally" "$bound" $((right - bound)) \
	"compiled with -include rl/pthread.h" "$compiled" \
	$((right - compiled))
[ "$bound" = $right ] && [ "$compiled" = $right ]
